"""What goes over the wire: 0x and hexadecimal, RFC 3339 times, amounts and wide ids as decimal text."""
