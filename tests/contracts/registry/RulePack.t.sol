// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    Classification,
    CUSTODY,
    Importance,
    LEGAL,
    PersonalData,
    SECURITY,
    Sharing,
    Subject
} from "contracts/types/Listing.sol";
import { Registry } from "./Registry.sol";

contract RulePackTest is Registry {
    function test_R14_statesVersionJurisdictionAndRules() public view {
        assertEq(pack.version(), 1);
        assertEq(pack.jurisdiction(), bytes2("VN"));
        assertEq(
            pack.rules(),
            keccak256(
                "1 unclassified; 2 sharing unstated; 3 no legal basis; 4 core not open; 5 not attested; 6 no transfer approval"
            )
        );
        assertEq(pack.RULE_UNCLASSIFIED(), 1);
        assertEq(pack.RULE_SHARING_UNSTATED(), 2);
        assertEq(pack.RULE_NO_LEGAL_BASIS(), 3);
        assertEq(pack.RULE_CORE_NOT_OPEN(), 4);
        assertEq(pack.RULE_NOT_ATTESTED(), 5);
        assertEq(pack.RULE_NO_TRANSFER_APPROVAL(), 6);
    }

    /// @dev Every class there is (240), for a public body and for others, with and without a basis, against the rules told anew.
    function test_R04_R14_R22_decideListing_everyCase() public view {
        for (uint256 i; i < 960; ++i) {
            Classification memory class = classAt(i / 4);
            (bool isPublicBody, bool basis) = (i % 2 == 1, i / 2 % 2 == 1);
            (uint16 rule, uint8 required) = pack.decideListing(class, isPublicBody, basis);
            assertEq(rule, expectedRule(class, isPublicBody, basis));
            assertEq(required, expectedKinds(class));
        }
    }

    /// @dev Every class with every set of attestations, at home and abroad, with and without approval.
    function test_R01_R07_R14_decideSale_everyCase() public view {
        for (uint256 c; c < 240; c += 5) {
            Classification memory class = classAt(c);
            for (uint8 kinds; kinds < 16; ++kinds) {
                for (uint256 k; k < 4; ++k) {
                    (bool abroad, bool approved) = (k % 2 == 1, k / 2 == 1);
                    uint16 rule =
                        pack.decideSale(class, kinds, "VN", abroad ? bytes2("SG") : bytes2("VN"), approved);
                    assertEq(rule, expectedSale(class, kinds, abroad, approved));
                }
            }
        }
    }

    function testFuzz_R07_R14_decideSale_anyBorder(
        uint8 index,
        uint8 kinds,
        bytes2 home,
        bytes2 there,
        bool approved
    ) public view {
        Classification memory class = classAt(uint256(index) % 240);
        uint16 rule = pack.decideSale(class, kinds, home, there, approved);
        assertEq(rule, expectedSale(class, kinds, home != there, approved));
    }

    function expectedRule(Classification memory class, bool isPublicBody, bool basis)
        private
        pure
        returns (uint16)
    {
        if (class.importance == Importance.Unclassified) return 1;
        if (isPublicBody && class.sharing == Sharing.Unstated) return 2;
        if (class.personal != PersonalData.None && !basis) return 3;
        if (class.importance == Importance.Core && class.sharing == Sharing.Open) return 4;
        return 0;
    }

    function expectedKinds(Classification memory class) private pure returns (uint8) {
        bool sensitive = class.importance == Importance.Important || class.importance == Importance.Core
            || class.personal == PersonalData.Deidentified || class.personal == PersonalData.Consented;
        return sensitive ? CUSTODY | LEGAL | SECURITY : CUSTODY | LEGAL;
    }

    function expectedSale(Classification memory class, uint8 kinds, bool abroad, bool approved)
        private
        pure
        returns (uint16)
    {
        uint8 needed = expectedKinds(class);
        if (kinds & needed != needed) return 5;
        bool sensitive = class.importance == Importance.Important || class.importance == Importance.Core;
        return sensitive && abroad && !approved ? 6 : 0;
    }

    function classAt(uint256 i) private pure returns (Classification memory) {
        return
            Classification(Importance(i / 60), Sharing(i / 15 % 4), Subject(i % 5), PersonalData(i / 5 % 3));
    }
}
