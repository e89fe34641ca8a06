// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { Exchange } from "../Deployed.sol";
import { IExchange } from "contracts/interfaces/IExchange.sol";
import { ILicences } from "contracts/interfaces/ILicences.sol";
import { IListings } from "contracts/interfaces/IListings.sol";
import { LicenceId, PlanId } from "contracts/types/Ids.sol";
import { Denial, Licence, LicenceStatus, NEVER, OrderStatus } from "contracts/types/Licence.sol";
import { BUYER, PAYMENT_PROVIDER, Standing } from "contracts/types/Participant.sol";
import { Sale } from "contracts/types/Plan.sol";
import { Mood, MoodySigner } from "../mocks/market/Signers.sol";
import { Market } from "./Market.sol";

contract BankTest is Market {
    bytes32 internal constant REF = "salted hash of a bank reference";
    LicenceId internal constant NONE = LicenceId.wrap(0);
    uint256 internal constant ORDER_OF_CURVE =
        0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

    PlanId internal plan;
    IExchange.BankPayment internal payment;

    function setUp() public override {
        super.setUp();
        plan = listed();
        payment = bankPayment(REF, buyer, plan, NONE);
    }

    // What is refused

    function test_R27_BuyWithBank_RevertWhen_Halted() external {
        haltMarket();
        refused(abi.encodeWithSelector(IExchange.Exchange_IsHalted.selector));
    }

    function test_R17_BuyWithBank_RevertWhen_TheGateRefuses() external {
        suspend(buyer);
        refused(ineligible(buyer, BUYER, Standing.Suspended));
        vm.prank(supervisor);
        participants.reinstate(buyer, REASON);
        closePlan(plan);
        refused(abi.encodeWithSelector(IListings.Listings_PlanNotOpen.selector, plan));
    }

    function test_R27_threat_C11_BuyWithBank_RevertWhen_AfterTheDeadline() external {
        vm.warp(uint256(payment.deadline) + 1);
        refused(abi.encodeWithSelector(IExchange.Exchange_PaymentExpired.selector, payment.deadline));
        vm.warp(payment.deadline);
        buyNow();
    }

    function test_R27_threat_C12_BuyWithBank_RevertWhen_ReferenceUsed() external {
        buyNow();
        refused(abi.encodeWithSelector(IExchange.Exchange_PaymentUsed.selector, REF));
    }

    function test_R27_BuyWithBank_RevertWhen_ReferenceIsZero() external {
        payment = bankPayment(0, buyer, plan, NONE);
        refused(abi.encodeWithSelector(IExchange.Exchange_PaymentUsed.selector, bytes32(0)));
    }

    function test_R27_threat_C12_BuyWithBank_RevertWhen_TwoProvidersConfirmOneReference() external {
        buyNow();
        (address other, uint256 key) = makeAddrAndKey("another provider");
        appoint(other, PAYMENT_PROVIDER);
        payment.provider = other;
        payment.signature = signPayment(key, payment, buyer, plan, 1, NONE);
        refused(abi.encodeWithSelector(IExchange.Exchange_PaymentUsed.selector, REF));
    }

    function test_R27_threat_C12_BuyWithBank_RevertWhen_OneReferenceForTwoBuyers() external {
        buyNow();
        payment.signature = signPayment(providerKey, payment, second, plan, 1, NONE);
        reverts(abi.encodeWithSelector(IExchange.Exchange_PaymentUsed.selector, REF));
        vm.prank(second);
        exchange.buyWithBank(plan, 1, 0, payment);
    }

    function test_R27_BuyWithBank_RevertWhen_ProviderNeverAppointed() external {
        (address nobody, uint256 key) = makeAddrAndKey("nobody");
        payment.provider = nobody;
        payment.signature = signPayment(key, payment, buyer, plan, 1, NONE);
        refused(ineligible(nobody, PAYMENT_PROVIDER, Standing.RoleMissing));
    }

    function test_R27_threat_C12_BuyWithBank_RevertWhen_ProviderSuspended() external {
        suspend(provider);
        refused(ineligible(provider, PAYMENT_PROVIDER, Standing.Suspended));
    }

    function test_R27_threat_C12_BuyWithBank_RevertWhen_ProviderRetired() external {
        retire(provider);
        refused(ineligible(provider, PAYMENT_PROVIDER, Standing.RoleMissing));
    }

    function test_R27_threat_C12_BuyWithBank_RevertWhen_ProviderExpired() external {
        vm.prank(governor);
        participants.appoint(
            provider, PAYMENT_PROVIDER, "VN", uint40(block.timestamp + 1 minutes), "credential"
        );
        skip(1 minutes);
        refused(ineligible(provider, PAYMENT_PROVIDER, Standing.Expired));
    }

    function test_R27_BuyWithBank_RevertWhen_SignedByAnotherKey() external {
        payment.signature = signPayment(buyerKey, payment, buyer, plan, 1, NONE);
        refusedSignature();
    }

    function test_R27_BuyWithBank_RevertWhen_AnotherBuyerShowsIt() external {
        reverts(abi.encodeWithSelector(IExchange.Exchange_InvalidPayment.selector, provider));
        vm.prank(second);
        exchange.buyWithBank(plan, 1, 0, payment);
    }

    function test_R27_BuyWithBank_RevertWhen_ForAnotherPlan() external {
        PlanId other = addPlan(plan.listing(), planDraft());
        reverts(abi.encodeWithSelector(IExchange.Exchange_InvalidPayment.selector, provider));
        vm.prank(buyer);
        exchange.buyWithBank(other, 1, 0, payment);
    }

    function test_R27_BuyWithBank_RevertWhen_ForAnotherVersion() external {
        addVersion(plan);
        reverts(abi.encodeWithSelector(IExchange.Exchange_InvalidPayment.selector, provider));
        vm.prank(buyer);
        exchange.buyWithBank(plan, 2, 0, payment);
    }

    function test_R27_BuyWithBank_RevertWhen_SignedForARenewal() external {
        payment = bankPayment(REF, buyer, plan, first(plan));
        refusedSignature();
    }

    function testFuzz_R27_BuyWithBank_RevertWhen_AmountCurrencyDeadlineOrReferenceDiffer(
        uint96 amount,
        uint8 currency,
        uint64 deadline,
        bytes32 ref
    ) external {
        bool same =
            amount == PRICE && currency == 1 && deadline == payment.deadline && ref == REF;
        vm.assume(!same);
        payment.signature = signRaw(
            providerKey,
            abi.encode(
                exchange.PAYMENT_TYPEHASH(), ref, buyer, plan, uint24(1), NONE, currency, amount, deadline
            )
        );
        refusedSignature();
    }

    function test_BuyWithBank_RevertWhen_HeldIsStale() external {
        buy(plan);
        reverts(
            abi.encodeWithSelector(ILicences.Licences_StaleBalance.selector, buyer, uint256(0), uint256(1))
        );
        vm.prank(buyer);
        exchange.buyWithBank(plan, 1, 0, payment);
    }

    // What a purchase by bank does

    function test_R01_R27_BuyWithBank_TakesNoToken() external {
        uint40 now_ = uint40(block.timestamp);
        LicenceId id = first(plan);
        vm.expectCall(address(token), "", 0);
        vm.expectEmit(address(exchange));
        emit IExchange.Purchased(id, buyer, 1, PACK, PRICE, FEE, TAX, now_ + CONFIRM);
        vm.expectEmit(address(exchange));
        emit IExchange.PaymentUsed(REF, provider, id, DONG, PRICE);
        buyNow();
        assertTrue(exchange.paymentUsed(REF));
        assertLicence(
            id,
            Licence({
                version: 1,
                issuedAt: now_,
                expiresAt: NEVER,
                used: 0,
                pack: PACK,
                byBank: true,
                status: LicenceStatus.Active,
                order: OrderStatus.Open,
                feeBps: FEE,
                taxBps: TAX,
                deadline: now_ + CONFIRM
            })
        );
        assertDenial(id, buyer, Denial.Granted);
        checkJournals();
    }

    function test_R27_BuyWithBank_InTheCurrencyWithoutToken() external {
        plan = listed(priced(PRICE, BANK));
        payment = bankPayment(REF, buyer, plan, NONE);
        LicenceId id = buyNow();
        vm.expectEmit(address(exchange));
        emit IExchange.Allocated(id, seller, IExchange.Part.Seller, BANK, SELLER_PART, true);
        confirm(id);
        assertEq(exchange.owed(BANK, seller), 0);
        checkJournals();
    }

    function test_R27_BuyWithBank_WhenTheTokenIsInactive() external {
        vm.prank(governor);
        exchange.activateCurrency(DONG, false);
        assertOrder(buyNow(), OrderStatus.Open);
    }

    function test_R05_R27_BuyWithBank_Free() external {
        plan = listed(free());
        payment = bankPayment(REF, buyer, plan, NONE);
        assertOrder(buyNow(), OrderStatus.Settled);
        assertTrue(exchange.paymentUsed(REF));
    }

    function test_R26_R27_Confirm_TellsTheProviderWhomToPayAndOwesNothing() external {
        LicenceId id = buyNow();
        allocatesSplit(id, true);
        confirm(id);
        nothingOwed();
        checkJournals();
    }

    function test_R27_Refund_TellsTheProviderAndOwesNothing() external {
        LicenceId id = buyNow();
        allocates(id, buyer, IExchange.Part.Refund, PRICE, true);
        refund(id);
        nothingOwed();
        assertStatus(id, LicenceStatus.Refunded);
        assertTrue(exchange.paymentUsed(REF), "a refunded reference stays used");
    }

    function test_R27_Lapse_TellsTheProviderAndOwesNothing() external {
        LicenceId id = buyNow();
        dispute(id);
        skip(ARBITRATION);
        allocates(id, buyer, IExchange.Part.Refund, PRICE, true);
        lapse(id);
        nothingOwed();
    }

    function testFuzz_R26_R27_Resolve_TellsTheProviderAndOwesNothing(uint96 refund_) external {
        LicenceId id = buyNow();
        dispute(id);
        resolve(id, uint96(bound(refund_, 0, PRICE)));
        nothingOwed();
        checkJournals();
    }

    function test_R27_TokenAndBankOrdersOfOnePlanDoNotMix() external {
        LicenceId byBank = buyNow();
        LicenceId byToken = buy(plan);
        refund(byBank);
        assertEq(owedTo(buyer), 0);
        confirm(byToken);
        assertSplit();
        assertEq(token.balanceOf(address(exchange)), PRICE);
        withdraw(seller);
        withdraw(treasury);
        withdraw(taxAuthority);
        assertEq(token.balanceOf(address(exchange)), 0);
    }

    // Renewal by bank

    function test_R27_RenewWithBank() external {
        LicenceId id = subscribe();
        uint40 end = licences.licence(id).expiresAt;
        IExchange.BankPayment memory p = bankPayment(REF, buyer, plan, id);
        uint256 liabilities = owedTo(seller) + owedTo(treasury) + owedTo(taxAuthority);
        vm.expectEmit(address(exchange));
        emit IExchange.Renewed(id, buyer, 1, PACK, PRICE, end + MONTH);
        allocatesSplit(id, true);
        vm.expectEmit(address(exchange));
        emit IExchange.PaymentUsed(REF, provider, id, DONG, PRICE);
        vm.prank(buyer);
        exchange.renewWithBank(id, 1, end, p);
        assertTrue(licences.licence(id).byBank);
        assertEq(owedTo(seller) + owedTo(treasury) + owedTo(taxAuthority), liabilities);
        assertEq(licences.licence(id).expiresAt, end + MONTH);
        checkJournals();
    }

    function test_R27_RenewWithToken_AfterAPurchaseByBank() external {
        plan = listed(monthly());
        payment = bankPayment(REF, buyer, plan, NONE);
        LicenceId id = buyNow();
        confirm(id);
        nothingOwed();
        renew(id);
        assertFalse(licences.licence(id).byBank);
        assertSplit();
        assertEq(token.balanceOf(address(exchange)), PRICE);
        checkJournals();
    }

    function test_R27_threat_C12_RenewWithBank_RevertWhen_ReferenceUsedByAPurchase() external {
        LicenceId id = subscribe();
        buyByBank(plan, REF);
        renewRefused(
            id,
            bankPayment(REF, buyer, plan, id),
            abi.encodeWithSelector(IExchange.Exchange_PaymentUsed.selector, REF)
        );
    }

    function test_R27_RenewWithBank_RevertWhen_SignedForAPurchase() external {
        LicenceId id = subscribe();
        renewRefused(
            id,
            bankPayment(REF, buyer, plan, NONE),
            abi.encodeWithSelector(IExchange.Exchange_InvalidPayment.selector, provider)
        );
    }

    function test_R27_RenewWithBank_RevertWhen_SignedForAnotherLicence() external {
        LicenceId id = subscribe();
        LicenceId other = owned(plan);
        renewRefused(
            id,
            bankPayment(REF, buyer, plan, other),
            abi.encodeWithSelector(IExchange.Exchange_InvalidPayment.selector, provider)
        );
    }

    function test_R27_RenewWithBank_RevertWhen_ExpiredSuspendedOrHalted() external {
        LicenceId id = subscribe();
        IExchange.BankPayment memory p = bankPayment(REF, buyer, plan, id);
        vm.warp(uint256(p.deadline) + 1);
        renewRefused(id, p, abi.encodeWithSelector(IExchange.Exchange_PaymentExpired.selector, p.deadline));
        vm.warp(p.deadline);
        suspend(provider);
        renewRefused(id, p, ineligible(provider, PAYMENT_PROVIDER, Standing.Suspended));
        haltMarket();
        renewRefused(id, p, abi.encodeWithSelector(IExchange.Exchange_IsHalted.selector));
    }

    function test_threat_C16_RenewWithBank_RevertWhen_NotHolder() external {
        LicenceId id = subscribe();
        uint40 end = licences.licence(id).expiresAt;
        IExchange.BankPayment memory p = bankPayment(REF, second, plan, id);
        reverts(abi.encodeWithSelector(IExchange.Exchange_NotHolder.selector, id, second));
        vm.prank(second);
        exchange.renewWithBank(id, 1, end, p);
    }

    // Signatures

    function test_threat_C11_Payment_RevertWhen_SignedForAnotherChain() external {
        vm.chainId(block.chainid + 1);
        refusedSignature();
    }

    function test_threat_C11_Payment_RevertWhen_SignedForAnotherContract() external {
        payment.signature = signTyped(
            providerKey, address(reviews), "Socai Exchange", message(payment, buyer, plan, 1, NONE)
        );
        refusedSignature();
        payment.signature = signTyped(
            providerKey, address(exchange), "Socai Reviews", message(payment, buyer, plan, 1, NONE)
        );
        refusedSignature();
    }

    function test_threat_C11_Payment_RevertWhen_SignedBeforeARedeployment() external {
        IExchange.Terms memory t = exchange.terms();
        Exchange again = Exchange(
            deploy(
                "Exchange",
                abi.encode(address(authority), participants, listings, licences, t, treasury, taxAuthority)
            )
        );
        // Listings would not sell to it: as if it did, the signature still stands in the way
        Sale memory sale = Sale(first(plan), PRICE, DONG, 0, PACK);
        vm.mockCall(address(listings), abi.encodeWithSelector(IListings.sell.selector), abi.encode(sale));
        reverts(abi.encodeWithSelector(IExchange.Exchange_InvalidPayment.selector, provider));
        vm.prank(buyer);
        again.buyWithBank(plan, 1, 0, payment);

        payment.signature = signTyped(
            providerKey, address(again), "Socai Exchange", message(payment, buyer, plan, 1, NONE)
        );
        reverts(abi.encodeWithSelector(ILicences.Licences_NotExchange.selector, address(again)));
        vm.prank(buyer);
        again.buyWithBank(plan, 1, 0, payment);
    }

    function test_threat_C11_Payment_RevertWhen_HighS() external {
        (bytes32 r, bytes32 s, uint8 v) = split(payment.signature);
        bytes32 high = bytes32(ORDER_OF_CURVE - uint256(s));
        payment.signature = abi.encodePacked(r, high, v == 27 ? uint8(28) : uint8(27));
        refusedSignature();
    }

    function test_threat_C11_Payment_RevertWhen_OddV() external {
        (bytes32 r, bytes32 s, uint8 v) = split(payment.signature);
        for (uint8 i; i < 255; ++i) {
            if (i == v) continue;
            payment.signature = abi.encodePacked(r, s, i);
            refusedSignature();
        }
    }

    function test_threat_C11_Payment_RevertWhen_CompactOrLong() external {
        (bytes32 r, bytes32 s, uint8 v) = split(payment.signature);
        payment.signature = abi.encodePacked(r, bytes32(uint256(s) | uint256(v - 27) << 255));
        refusedSignature();
        payment.signature = abi.encodePacked(r, s, v, bytes1(0));
        refusedSignature();
        payment.signature = "";
        refusedSignature();
    }

    function testFuzz_threat_C11_Payment_RevertWhen_AnyBitFlips(uint16 bit) external {
        bit = uint16(bound(bit, 0, 65 * 8 - 1));
        bytes memory signature = payment.signature;
        signature[bit / 8] ^= bytes1(0x01) << (bit % 8);
        payment.signature = signature;
        refusedSignature();
    }

    function test_threat_C11_Payment_RevertWhen_RecoveryGivesTheZeroAddress() external {
        vm.prank(governor);
        participants.appoint(address(0), PAYMENT_PROVIDER, "VN", inOneYear(), "credential");
        payment.provider = address(0);
        payment.signature = abi.encodePacked(bytes32(0), bytes32(0), uint8(0));
        refused(abi.encodeWithSelector(IExchange.Exchange_InvalidPayment.selector, address(0)));
        payment.signature = abi.encodePacked(bytes32(0), bytes32(0), uint8(27));
        refused(abi.encodeWithSelector(IExchange.Exchange_InvalidPayment.selector, address(0)));
        payment.signature = "";
        refused(abi.encodeWithSelector(IExchange.Exchange_InvalidPayment.selector, address(0)));
    }

    function test_threat_C11_Payment_OfAContractSigner() external {
        MoodySigner signer = contractSigner();
        buyNow();
        assertTrue(exchange.paymentUsed(REF));
        signer.setMood(Mood.No);
        assertTrue(exchange.paymentUsed(REF));
    }

    function test_threat_C11_Payment_ContractSignerWhoSaysYesAgainCannotReplay() external {
        MoodySigner signer = contractSigner();
        buyNow();
        assertEq(uint8(signer.mood()), uint8(Mood.Yes));
        refused(abi.encodeWithSelector(IExchange.Exchange_PaymentUsed.selector, REF));
    }

    function test_threat_C11_Payment_RevertWhen_ContractSignerTakesItBack() external {
        MoodySigner signer = contractSigner();
        Mood[4] memory moods = [Mood.No, Mood.Reverts, Mood.Short, Mood.EatsGas];
        for (uint256 i; i < moods.length; ++i) {
            signer.setMood(moods[i]);
            bytes memory why = abi.encodeWithSelector(IExchange.Exchange_InvalidPayment.selector, signer);
            vm.prank(buyer);
            (bool ok, bytes memory result) = address(exchange).call{ gas: 20_000_000 }(
                abi.encodeCall(exchange.buyWithBank, (plan, 1, 0, payment))
            );
            assertFalse(ok);
            assertEq(result, why);
            assertFalse(exchange.paymentUsed(REF));
        }
        signer.setMood(Mood.Yes);
        buyNow();
    }

    function test_threat_C23_Payment_ContractSignerWhoAnswersWithAMegabyteCostsNoMemory() external {
        MoodySigner signer = contractSigner();
        signer.setMood(Mood.Bomb);
        uint256 before = gasleft();
        buyNow();
        // The signer pays about 2 million for its own memory; copying it would cost that once more
        assertLt(before - gasleft(), 3_000_000);
    }

    function test_threat_C23_Payment_HugeSignatureIsRefusedNotStored() external {
        payment.signature = new bytes(100_000);
        refusedSignature();
    }

    function contractSigner() private returns (MoodySigner signer) {
        signer = new MoodySigner();
        appoint(address(signer), PAYMENT_PROVIDER);
        payment.provider = address(signer);
        payment.signature = "anything";
    }

    function subscribe() private returns (LicenceId) {
        plan = listed(monthly());
        return owned(plan);
    }

    function buyNow() private returns (LicenceId) {
        uint32 held = uint32(licences.balanceOf(buyer));
        vm.prank(buyer);
        return exchange.buyWithBank(plan, 1, held, payment);
    }

    function refused(bytes memory why) private {
        uint32 held = uint32(licences.balanceOf(buyer));
        reverts(why);
        vm.prank(buyer);
        exchange.buyWithBank(plan, 1, held, payment);
    }

    function refusedSignature() private {
        refused(abi.encodeWithSelector(IExchange.Exchange_InvalidPayment.selector, payment.provider));
    }

    function renewRefused(LicenceId id, IExchange.BankPayment memory p, bytes memory why) private {
        uint40 end = licences.licence(id).expiresAt;
        reverts(why);
        vm.prank(buyer);
        exchange.renewWithBank(id, 1, end, p);
    }

    function nothingOwed() private view {
        address[5] memory all = [buyer, seller, treasury, taxAuthority, provider];
        for (uint256 i; i < all.length; ++i) {
            assertEq(owedTo(all[i]), 0);
        }
        assertEq(token.balanceOf(address(exchange)), 0);
    }

    function signRaw(uint256 key, bytes memory encoded) private view returns (bytes memory) {
        return signTyped(key, address(exchange), "Socai Exchange", encoded);
    }

    function message(
        IExchange.BankPayment memory p,
        address by,
        PlanId plan_,
        uint24 version,
        LicenceId renewed
    ) private view returns (bytes memory) {
        return abi.encode(
            exchange.PAYMENT_TYPEHASH(),
            p.paymentRef,
            by,
            plan_,
            version,
            renewed,
            DONG,
            listings.plan(plan_).price,
            p.deadline
        );
    }

    function split(bytes memory signature) private pure returns (bytes32 r, bytes32 s, uint8 v) {
        v = uint8(signature[64]);
        (r, s) = abi.decode(signature, (bytes32, bytes32));
    }
}
