// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { AccessManaged } from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import { ERC721 } from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import { IJournal } from "./interfaces/IJournal.sol";

/// @notice See {IJournal}.
abstract contract Journal is IJournal {
    bytes32 public journalHead;

    function _journal(bytes32 topic0, bytes memory arguments) internal {
        journalHead = keccak256(abi.encode(journalHead, topic0, keccak256(arguments)));
    }
}

/// @notice AccessManaged whose one event is journalled.
abstract contract JournalledAccess is AccessManaged, Journal {
    function _setAuthority(address newAuthority) internal override {
        super._setAuthority(newAuthority);
        _journal(AuthorityUpdated.selector, abi.encode(newAuthority));
    }
}

/// @notice ERC-721 whose three events are journalled.
abstract contract JournalledERC721 is ERC721, Journal {
    function _update(address to, uint256 tokenId, address auth)
        internal
        virtual
        override
        returns (address from)
    {
        from = super._update(to, tokenId, auth);
        _journal(Transfer.selector, abi.encode(from, to, tokenId));
    }

    function _approve(address to, uint256 tokenId, address auth, bool emitEvent) internal override {
        super._approve(to, tokenId, auth, emitEvent);
        if (emitEvent) _journal(Approval.selector, abi.encode(_ownerOf(tokenId), to, tokenId));
    }

    function _setApprovalForAll(address owner, address operator, bool approved) internal override {
        super._setApprovalForAll(owner, operator, approved);
        _journal(ApprovalForAll.selector, abi.encode(owner, operator, approved));
    }
}
