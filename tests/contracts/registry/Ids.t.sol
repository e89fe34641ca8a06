// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { LicenceId, licenceId, PlanId, planId } from "contracts/types/Ids.sol";
import { Licence, LicenceStatus, NEVER, OrderStatus, PackedLicence } from "contracts/types/Licence.sol";
import {
    Classification,
    Importance,
    PackedClass,
    PersonalData,
    Sharing,
    Subject
} from "contracts/types/Listing.sol";
import { PackedParticipant, Participant, Standing } from "contracts/types/Participant.sol";
import { Registry } from "./Registry.sol";

contract IdsTest is Registry {
    function testFuzz_aPlanNamesItsListing(uint48 listing, uint16 index) public pure {
        PlanId id = planId(listing, index);
        assertEq(id.listing(), listing);
        assertEq(id.index(), index);
        assertEq(PlanId.unwrap(id), uint64(listing) * 65_536 + index);
    }

    function testFuzz_aLicenceNamesItsPlan(uint48 listing, uint16 index, uint32 serial) public pure {
        LicenceId id = licenceId(planId(listing, index), serial);
        assertEq(PlanId.unwrap(id.plan()), PlanId.unwrap(planId(listing, index)));
        assertEq(id.plan().listing(), listing);
        assertEq(id.plan().index(), index);
        assertEq(id.serial(), serial);
        assertEq(id.tokenId(), LicenceId.unwrap(id));
    }

    function testFuzz_everyNumberIsAnId(uint96 raw) public pure {
        LicenceId id = LicenceId.wrap(raw);
        assertEq(LicenceId.unwrap(licenceId(id.plan(), id.serial())), raw);
        PlanId plan = id.plan();
        assertEq(PlanId.unwrap(planId(plan.listing(), plan.index())), PlanId.unwrap(plan));
    }

    function testFuzz_differentPartsAreDifferentIds(
        uint48[2] memory l,
        uint16[2] memory p,
        uint32[2] memory s
    ) public pure {
        bool same = l[0] == l[1] && p[0] == p[1] && s[0] == s[1];
        LicenceId a = licenceId(planId(l[0], p[0]), s[0]);
        LicenceId b = licenceId(planId(l[1], p[1]), s[1]);
        assertEq(LicenceId.unwrap(a) == LicenceId.unwrap(b), same);
    }

    function test_ids_atTheEdges() public pure {
        assertEq(LicenceId.unwrap(licenceId(planId(1, 0), 1)), (1 << 48) | 1);
        assertEq(PlanId.unwrap(planId(type(uint48).max, type(uint16).max)), type(uint64).max);
        assertEq(
            LicenceId.unwrap(licenceId(planId(type(uint48).max, type(uint16).max), type(uint32).max)),
            type(uint96).max
        );
    }

    function testFuzz_threat_C15_aLicenceIsPackedWithoutLoss(uint256 seed) public pure {
        Licence memory l = licenceFrom(seed);
        assertSame(abi.encode(l.packed().unpack()), abi.encode(l));
    }

    function testFuzz_threat_C15_noFieldReachesAnother(uint256 seed, uint256 otherSeed, uint8 field)
        public
        pure
    {
        (Licence memory a, Licence memory b) = (licenceFrom(seed), licenceFrom(otherSeed));
        Licence memory mixed = licenceFrom(seed);
        field %= 11;
        if (field == 0) mixed.version = b.version;
        if (field == 1) mixed.issuedAt = b.issuedAt;
        if (field == 2) mixed.expiresAt = b.expiresAt;
        if (field == 3) mixed.used = b.used;
        if (field == 4) mixed.pack = b.pack;
        if (field == 5) mixed.byBank = b.byBank;
        if (field == 6) mixed.status = b.status;
        if (field == 7) mixed.order = b.order;
        if (field == 8) mixed.feeBps = b.feeBps;
        if (field == 9) mixed.taxBps = b.taxBps;
        if (field == 10) mixed.deadline = b.deadline;
        uint8[11] memory widths = [24, 40, 40, 32, 24, 8, 8, 8, 16, 16, 40];
        uint256 shift;
        for (uint256 i; i < field; ++i) {
            shift += widths[i];
        }
        uint256 mask = (2 ** widths[field] - 1) * 2 ** shift;
        uint256 expected =
            (PackedLicence.unwrap(a.packed()) & ~mask) | (PackedLicence.unwrap(b.packed()) & mask);
        assertEq(PackedLicence.unwrap(mixed.packed()), expected);
    }

    function test_threat_C15_aLicenceAtTheEdges() public pure {
        Licence memory l = Licence({
            version: type(uint24).max,
            issuedAt: type(uint40).max,
            expiresAt: NEVER,
            used: type(uint32).max,
            pack: type(uint24).max,
            byBank: true,
            status: LicenceStatus.Refunded,
            order: OrderStatus.Refunded,
            feeBps: type(uint16).max,
            taxBps: type(uint16).max,
            deadline: type(uint40).max
        });
        assertSame(abi.encode(l.packed().unpack()), abi.encode(l));
        Licence memory zero;
        assertEq(PackedLicence.unwrap(zero.packed()), 0);
        assertSame(abi.encode(zero.packed().unpack()), abi.encode(zero));
    }

    function testFuzz_threat_C15_aParticipantIsPackedWithoutLoss(Participant memory p) public pure {
        PackedParticipant word = p.packed();
        assertSame(abi.encode(word.unpack()), abi.encode(p));
        assertEq(word.jurisdiction(), p.jurisdiction);
        // Each field alone in its own bits: together they are the word.
        uint256 sum = PackedParticipant.unwrap(Participant(p.roles, 0, false, 0, 0).packed())
            + PackedParticipant.unwrap(Participant(0, p.jurisdiction, false, 0, 0).packed())
            + PackedParticipant.unwrap(Participant(0, 0, p.publicBody, 0, 0).packed())
            + PackedParticipant.unwrap(Participant(0, 0, false, p.validUntil, 0).packed())
            + PackedParticipant.unwrap(Participant(0, 0, false, 0, p.suspendedUntil).packed());
        assertEq(PackedParticipant.unwrap(word), sum);
        assertEq(
            sum,
            p.roles + (uint256(uint16(p.jurisdiction)) << 16) + (p.publicBody ? 1 << 32 : 0)
                + (uint256(p.validUntil) << 40) + (uint256(p.suspendedUntil) << 80)
        );
    }

    function testFuzz_R02_standingIsReadFromThePackedWord(Participant memory p, uint16 role, uint40 now_)
        public
    {
        vm.warp(now_);
        Standing expected = p.roles & role == 0
            ? Standing.RoleMissing
            : p.validUntil <= now_
                ? Standing.Expired
                : p.suspendedUntil > now_ ? Standing.Suspended : Standing.Eligible;
        assertEq(uint8(p.packed().standing(role)), uint8(expected));
    }

    function test_R04_R21_R22_everyClassIsPackedWithoutLoss() public pure {
        for (uint8 i; i < 240; ++i) {
            Classification memory class = Classification(
                Importance(i / 60), Sharing(i / 15 % 4), Subject(i / 3 % 5), PersonalData(i % 3)
            );
            assertSame(abi.encode(class.packed().unpack()), abi.encode(class));
            uint256 word = PackedClass.unwrap(class.packed());
            assertEq(word, (i / 60) + (i / 15 % 4) * 256 + (i / 3 % 5) * 65_536 + (i % 3) * 16_777_216);
        }
    }

    function licenceFrom(uint256 seed) private pure returns (Licence memory) {
        return Licence({
            version: uint24(seed),
            issuedAt: uint40(seed >> 24),
            expiresAt: uint40(seed >> 64),
            used: uint32(seed >> 104),
            pack: uint24(seed >> 136),
            byBank: seed >> 160 & 1 == 1,
            status: LicenceStatus((seed >> 168) % 4),
            order: OrderStatus((seed >> 176) % 5),
            feeBps: uint16(seed >> 184),
            taxBps: uint16(seed >> 200),
            deadline: uint40(seed >> 216)
        });
    }
}
