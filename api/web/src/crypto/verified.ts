/** A payload as it arrives: each block is compared with the listed root before it is decrypted (ledger/crypto/verified.py). */
import { join, same, type Bytes } from "./bytes";
import { BlockSwapped, Extended, HEADER, Message, Truncated } from "./chunked";
import { PayloadError } from "./error";
import { HASH, leafCount, leafHash, leafRange, RootBuilder } from "./merkle";

/** The leaf list is not that of the listed root and size. */
export class WrongLeaves extends PayloadError {}

const SELLER = 52;

/** A block as it came, and what it says. */
export interface Opened {
  index: number;
  sealed: Bytes;
  plain: Bytes;
}

/** That the payload is encrypted for the deposit that the chain names: all of its context but the seller, who shows when
 * the first block opens. */
export function checkContext(context: Uint8Array, listed: Uint8Array): void {
  const without = (bytes: Uint8Array) => join(bytes.subarray(0, SELLER), bytes.subarray(SELLER + 20));
  if (!same(without(context), without(listed))) throw new PayloadError("the payload is encrypted for another deposit than the chain names");
}

export class VerifiedReader {
  private index = 0;
  private held: Uint8Array[] = [];
  private heldSize = 0;
  private message: Message | null = null;
  private readonly count: number;

  /** `root` and `size` (of the ciphertext) come from the chain, `leaves` and what is read from anybody. */
  constructor(
    private readonly dataKey: Uint8Array,
    private readonly context: Uint8Array,
    root: Uint8Array,
    private readonly size: number,
    private readonly leaves: Uint8Array,
  ) {
    this.count = leafCount(size);
    if (leaves.length !== this.count * HASH) throw new WrongLeaves(`a payload of ${size} bytes has ${this.count} leaves`);
    const builder = new RootBuilder();
    for (let index = 0; index < this.count; index++) builder.append(this.leaf(index));
    if (!same(builder.root(), root)) throw new WrongLeaves("the leaves have another root than was listed");
  }

  /** Which block comes next; the count of them at the end. */
  get next(): number {
    return this.index;
  }

  /** Its size in bytes. */
  get nextSize(): number {
    const [start, end] = leafRange(this.index, this.size);
    return end - start;
  }

  get complete(): boolean {
    return this.index === this.count;
  }

  /** The first ciphertext byte that is not verified yet: where to go on after a cut. */
  get position(): number {
    return this.complete ? this.size : leafRange(this.index, this.size)[0];
  }

  /** Forgets the block that was cut off; gives `position`. */
  cut(): number {
    this.held = [];
    this.heldSize = 0;
    return this.position;
  }

  /** Each block that is complete now, verified. Exhaust it before the next piece. */
  async *update(piece: Uint8Array): AsyncGenerator<Opened> {
    this.held.push(piece);
    this.heldSize += piece.length;
    while (this.index < this.count) {
      const [start, end] = leafRange(this.index, this.size);
      if (this.heldSize < end - start) return;
      const whole = join(...this.held);
      const sealed = whole.subarray(0, end - start);
      yield { index: this.index, sealed, plain: await this.open(sealed) };
      this.held = [whole.subarray(end - start)];
      this.heldSize = this.held[0]!.length;
      this.index += 1;
    }
    if (this.heldSize > 0) throw new Extended(`there is more than the ${this.size} bytes that were listed`);
  }

  finish(): void {
    if (this.index < this.count) throw new Truncated(`${this.position + this.heldSize} bytes of ${this.size}`);
  }

  private async open(block: Uint8Array): Promise<Bytes> {
    if (!same(await leafHash(block), this.leaf(this.index))) throw new BlockSwapped(`block ${this.index} is not what was listed`);
    this.message ??= await Message.unlock(this.dataKey, this.context, block.slice(0, HEADER));
    return this.message.openBlock(this.index, block, this.index === this.count - 1);
  }

  private leaf(index: number): Uint8Array {
    return this.leaves.subarray(index * HASH, (index + 1) * HASH);
  }
}
