// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { ERC721 } from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import { AccessManaged } from "@openzeppelin/contracts/access/manager/AccessManaged.sol";

type ThingId is uint96;

enum Colour {
    None,
    DarkRed,
    Green
}

struct Part {
    bytes2 home;
    Colour colour;
    string label;
}

struct Thing {
    ThingId id;
    address owner;
    Part[] parts;
    uint16[2] sizes;
}

library Helper {
    error Helper_Odd(uint256 value);

    function even(uint256 value) internal pure {
        if (value % 2 == 1) revert Helper_Odd(value);
    }
}

/// Everything a binding has to cope with, journalled like the real contracts.
contract Sample is ERC721, AccessManaged {
    error Sample_Refused(address from, Colour class, Part part);
    error Sample_Empty();

    event Stored(ThingId indexed id, address from, Colour indexed colour, string text, Thing thing, address[] others);
    event Plain();

    bytes32 public journalHead;
    uint256 public immutable LIMIT;
    mapping(uint256 => Part) public parts;

    constructor(address manager, uint256 limit) ERC721("Sample", "S") AccessManaged(manager) {
        LIMIT = limit;
    }

    function store(
        ThingId id,
        Colour colour,
        string calldata text,
        Thing calldata thing,
        address[] calldata others
    ) external returns (uint256) {
        emit Stored(id, msg.sender, colour, text, thing, others);
        _journal(Stored.selector, abi.encode(id, msg.sender, colour, text, thing, others));
        emit Plain();
        _journal(Plain.selector, "");
        parts[ThingId.unwrap(id)] = thing.parts[0];
        return others.length;
    }

    function echo(Thing calldata thing) external pure returns (Thing memory, Colour class) {
        return (thing, thing.parts[0].colour);
    }

    function refuse(uint256 how) external view {
        if (how == 1) revert Sample_Empty();
        if (how == 2) revert Sample_Refused(msg.sender, Colour.DarkRed, Part("VN", Colour.Green, unicode"đồng"));
        if (how == 4) require(false, "plain words");
        if (how == 6) assert(false);
        Helper.even(how);
    }

    function restricted_() external restricted { }

    function _journal(bytes32 topic0, bytes memory args) private {
        journalHead = keccak256(abi.encode(journalHead, topic0, keccak256(args)));
    }
}
