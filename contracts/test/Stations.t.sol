// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {BuyFor, IFixedRateExchange} from "../src/bridge/BuyFor.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";

import {Clinic} from "../src/apps/Clinic.sol";
import {Inbox} from "../src/bridge/Inbox.sol";
import {Message} from "../src/bridge/Message.sol";
import {Outbox} from "../src/bridge/Outbox.sol";
import {QualityRegistry} from "../src/data/QualityRegistry.sol";
import {TableRegistry} from "../src/data/TableRegistry.sol";
import {Parent} from "../src/settlement/ISubjectRegistry.sol";
import {IEvidenceVerifier, Status as Verdict} from "../src/settlement/IEvidenceVerifier.sol";
import {Job, JobIds} from "../src/settlement/Job.sol";
import {Evidence, IJobEscrow, Terms} from "../src/settlement/IJobEscrow.sol";
import {Vm} from "./Base.sol";
import {Fixture} from "./Fixture.sol";
import {Token} from "./Tokens.sol";

contract Nft is ERC721 {
    constructor(address owner) ERC721("table", "T") {
        _mint(owner, 1);
    }
}

/// @dev Says of every claim what it was made to say.
contract Saying {
    Verdict internal immutable VERDICT;
    bytes32 public lastClaim;

    constructor(Verdict verdict) {
        VERDICT = verdict;
    }

    function submit(Job calldata job, address executor, bytes32 outputHash, bytes calldata evidence) external payable returns (Verdict) {
        (bytes memory policy, uint16 leaf, bytes memory data) = abi.decode(evidence, (bytes, uint16, bytes));
        require(keccak256(policy) == job.policyHash && leaf == 0 && uint8(policy[0]) == 1 && data.length == 2 + 32 * 4 + 5, "evidence");
        lastClaim = JobIds.claimId(keccak256(abi.encode(JobIds.TAG_JOB_V1, job)), executor, outputHash);
        return VERDICT;
    }
}

contract QualityTest is Fixture {
    TableRegistry internal tables;
    QualityRegistry internal quality;
    address internal nft;
    address[] internal keys;
    uint256[2] internal keyOf = [uint256(0x77), 0x78];
    address internal hospital = address(0x4051);
    bytes32 internal constant MANIFEST = keccak256("metrics job");
    bytes internal constant METRICS = "{\"row_count\":100}";
    address internal constant BURNED = 0x000000000000000000000000000000000000dEaD;

    function setUp() public override {
        super.setUp();
        tables = new TableRegistry();
        quality = new QualityRegistry(tables);
        nft = address(new Nft(hospital));
        vm.prank(hospital);
        tables.register(nft, TableRegistry.Table(1, "schema", "columns", 100), new Parent[](0));
        for (uint256 i = 0; i < 2; ++i) keys.push(vm.addr(keyOf[i]));
        token.mint(hospital, 1_000 ether);
        vm.prank(hospital);
        token.approve(address(quality), type(uint256).max);
    }

    function _measured(Verdict verdict, uint256 rows) internal returns (QualityRegistry.Measured memory m) {
        m.verifier = IEvidenceVerifier(address(new Saying(verdict)));
        m.planHash = keccak256("plan");
        m.label = "sick";
        m.inputs = new uint256[](4);
        (m.inputs[0], m.inputs[1], m.inputs[2], m.inputs[3]) = (rows, 90, 70, 30);
        m.proof = "proof";
    }

    function test_quality_metricsAreProvenWhenTheVerifierAccepts() public {
        QualityRegistry.Measured memory m = _measured(Verdict.Accepted, 100);
        address prover = hospital;
        bytes32 expected = quality.proofClaim(nft, prover, address(m.verifier), m.planHash, m.inputs);
        vm.prank(prover);
        bytes32 claimId = quality.prove(nft, m);
        assertEq(claimId, expected, "the claim that proofClaim foretells");
        assertEq(Saying(address(m.verifier)).lastClaim(), expected, "the claim that the verifier was asked about");
        // Another prover, epoch, plan, verifier or count is another claim.
        bytes32[5] memory others = [
            quality.proofClaim(nft, address(0xF00D), address(m.verifier), m.planHash, m.inputs),
            quality.proofClaim(nft, prover, address(this), m.planHash, m.inputs),
            quality.proofClaim(nft, prover, address(m.verifier), keccak256("other"), m.inputs),
            bytes32(0),
            bytes32(0)
        ];
        m.inputs[3] = 31;
        others[3] = quality.proofClaim(nft, prover, address(m.verifier), m.planHash, m.inputs);
        m.inputs[3] = 30;
        vm.prank(hospital);
        tables.register(nft, TableRegistry.Table(1, "schema", "more", 100), new Parent[](0));
        others[4] = quality.proofClaim(nft, prover, address(m.verifier), m.planHash, m.inputs);
        for (uint256 i = 0; i < 5; ++i) assertTrue(others[i] != expected, "another claim");
    }

    function test_quality_whatIsNotAcceptedIsNotProven() public {
        Verdict[3] memory verdicts = [Verdict.None, Verdict.Pending, Verdict.Rejected];
        for (uint256 i = 0; i < 3; ++i) _notProven(hospital, nft, _measured(verdicts[i], 100), abi.encodeWithSelector(QualityRegistry.NotProven.selector));
        for (uint256 rows = 99; rows < 102; rows += 2) {
            _notProven(hospital, nft, _measured(Verdict.Accepted, rows), abi.encodeWithSelector(QualityRegistry.WrongRows.selector, rows));
        }
        QualityRegistry.Measured memory m = _measured(Verdict.Accepted, 100);
        _notProven(address(0xBAD), nft, m, abi.encodeWithSelector(QualityRegistry.NotTheOwner.selector, address(0xBAD)));
        address other = address(new Nft(hospital));
        _notProven(hospital, other, m, abi.encodeWithSelector(QualityRegistry.UnknownTable.selector, other));
        m.inputs = new uint256[](0);
        _notProven(hospital, nft, m, abi.encodeWithSelector(QualityRegistry.NotProven.selector));
    }

    function _notProven(address who, address of_, QualityRegistry.Measured memory m, bytes memory why) private {
        vm.prank(who);
        (bool ok, bytes memory reason) = address(quality).call(abi.encodeCall(QualityRegistry.prove, (of_, m)));
        assertTrue(!ok && keccak256(reason) == keccak256(why), "proven, or refused for another reason");
    }

    function _receipt(uint256 key, bytes32 jobId, bytes memory output) internal view returns (QualityRegistry.Receipt memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, quality.receiptDigest(jobId, keccak256(output)));
        return QualityRegistry.Receipt(keccak256(output), abi.encodePacked(r, s, v));
    }

    function _claim(uint96 bond) internal returns (bytes32 claimId, bytes32 jobId) {
        jobId = quality.jobIdOf(nft, 1, MANIFEST);
        bytes memory signature = _receipt(keyOf[0], jobId, METRICS).signature;
        vm.prank(hospital);
        claimId = quality.claim(nft, MANIFEST, METRICS, signature, keys, QualityRegistry.Bond(address(token), bond, 1 days));
    }

    function _status(bytes32 claimId) internal view returns (QualityRegistry.Status status) {
        (, status,,,,,,) = quality.claims(claimId);
    }

    function test_quality_anHonestClaimGetsItsBondBack() public {
        (bytes32 claimId,) = _claim(10 ether);
        assertEq(quality.claimOf(nft, 1), claimId, "stands for the epoch");
        vm.warp(block.timestamp + 1 days);
        vm.expectRevert(abi.encodeWithSelector(QualityRegistry.TooEarly.selector, block.timestamp + 1));
        quality.release(claimId);
        vm.warp(block.timestamp + 1);
        quality.release(claimId);
        assertEq(quality.balanceOf(address(token), hospital), 10 ether, "back");
        vm.expectRevert(abi.encodeWithSelector(QualityRegistry.NotClaimed.selector, QualityRegistry.Status.Released));
        quality.release(claimId);
    }

    function test_quality_twoReceiptsThatDisagreeTakeTheBond() public {
        (bytes32 claimId, bytes32 jobId) = _claim(9);
        QualityRegistry.Receipt memory one = _receipt(keyOf[0], jobId, METRICS);
        QualityRegistry.Receipt memory other = _receipt(keyOf[1], jobId, "{\"row_count\":99}");
        vm.prank(rival);
        quality.refute(claimId, keys, one, other);
        assertTrue(_status(claimId) == QualityRegistry.Status.Refuted, "refuted");
        assertEq(quality.balanceOf(address(token), rival), 5, "half, rounded up, to who showed it");
        assertEq(token.balanceOf(BURNED), 4, "half burned");
        vm.warp(block.timestamp + 2 days);
        vm.expectRevert(abi.encodeWithSelector(QualityRegistry.NotClaimed.selector, QualityRegistry.Status.Refuted));
        quality.release(claimId);
        vm.expectRevert(abi.encodeWithSelector(QualityRegistry.NotClaimed.selector, QualityRegistry.Status.Refuted));
        quality.refute(claimId, keys, one, other);
    }

    function test_quality_onlyReceiptsOfThisJobByNamedKeysCount() public {
        (bytes32 claimId, bytes32 jobId) = _claim(10);
        QualityRegistry.Receipt memory one = _receipt(keyOf[0], jobId, METRICS);
        QualityRegistry.Receipt memory same = _receipt(keyOf[1], jobId, METRICS);
        vm.expectRevert(abi.encodeWithSelector(QualityRegistry.NoContradiction.selector));
        quality.refute(claimId, keys, one, same);
        QualityRegistry.Receipt memory stranger = _receipt(0x99, jobId, "other");
        vm.expectRevert(abi.encodeWithSelector(QualityRegistry.WrongReceipt.selector, 1));
        quality.refute(claimId, keys, one, stranger);
        QualityRegistry.Receipt memory another = _receipt(keyOf[1], quality.jobIdOf(nft, 1, "another job"), "other");
        vm.expectRevert(abi.encodeWithSelector(QualityRegistry.WrongReceipt.selector, 1));
        quality.refute(claimId, keys, one, another);
        address[] memory more = new address[](3);
        (more[0], more[1], more[2]) = (keys[0], keys[1], vm.addr(0x99));
        vm.expectRevert(abi.encodeWithSelector(QualityRegistry.BadKeys.selector));
        quality.refute(claimId, more, one, stranger);
    }

    function test_quality_onlyTheOwnerClaimsWhatAKeyAttested() public {
        bytes32 jobId = quality.jobIdOf(nft, 1, MANIFEST);
        bytes memory signature = _receipt(keyOf[0], jobId, METRICS).signature;
        QualityRegistry.Bond memory bond = QualityRegistry.Bond(address(token), 1, 1 days);
        vm.expectRevert(abi.encodeWithSelector(QualityRegistry.NotTheOwner.selector, address(this)));
        quality.claim(nft, MANIFEST, METRICS, signature, keys, bond);
        vm.prank(hospital);
        vm.expectRevert(abi.encodeWithSelector(QualityRegistry.WrongReceipt.selector, 0));
        quality.claim(nft, MANIFEST, "{\"row_count\":1000000}", signature, keys, bond);
        bond.holdSeconds = 0;
        vm.prank(hospital);
        vm.expectRevert(abi.encodeWithSelector(QualityRegistry.BadHold.selector));
        quality.claim(nft, MANIFEST, METRICS, signature, keys, bond);
        _claim(1);
        bond.holdSeconds = 1;
        vm.prank(hospital);
        vm.expectRevert(abi.encodeWithSelector(QualityRegistry.ClaimedBefore.selector));
        quality.claim(nft, MANIFEST, METRICS, signature, keys, bond);
        address unknown = address(new Nft(hospital));
        vm.prank(hospital);
        vm.expectRevert(abi.encodeWithSelector(QualityRegistry.UnknownTable.selector, unknown));
        quality.claim(unknown, MANIFEST, METRICS, signature, keys, bond);
    }

    function test_quality_anotherEpochIsAnotherJob() public {
        bytes32 first = quality.jobIdOf(nft, 1, MANIFEST);
        vm.prank(hospital);
        tables.register(nft, TableRegistry.Table(1, "schema", "cleaned", 90), new Parent[](0));
        assertTrue(quality.jobIdOf(nft, 2, MANIFEST) != first, "the table's root is in its name");
    }
}

/// @dev Sells a thing for tokens, as a fixed-rate exchange does.
contract Shop {
    mapping(address => uint256) public sold;
    bool public closed;

    function close() external {
        closed = true;
    }

    function buy(Token money, uint256 price, address recipient) external {
        require(!closed, "closed");
        money.transferFrom(msg.sender, address(this), price);
        ++sold[recipient];
    }
}

contract BridgeTest is Fixture {
    Outbox internal outbox;
    Inbox internal inbox;
    Shop internal shop = new Shop();
    Token internal moneyB;
    uint256 internal constant B = 31_337;
    uint64 internal constant CONFIRM = 60;
    bytes internal policy;

    function setUp() public override {
        super.setUp();
        outbox = new Outbox(CONFIRM);
        inbox = new Inbox();
        moneyB = new Token();
        moneyB.mint(executor, 1_000);
        vm.prank(executor);
        moneyB.approve(address(inbox), type(uint256).max);
        policy = quorumPolicy();
    }

    function _order() internal returns (Message memory message, Job memory job, Terms memory terms) {
        job = makeJob(policy);
        message = Message({
            chainA: 8996,
            outbox: address(outbox),
            escrow: address(escrow),
            jobNonce: job.nonce,
            chainB: B,
            inbox: address(inbox),
            deliverUntil: uint64(block.timestamp + 1 hours),
            requester: requester,
            executor: executor,
            recipient: address(0x4EC1),
            token: address(moneyB),
            price: 70,
            target: address(shop),
            data: abi.encodeCall(Shop.buy, (moneyB, 60, address(0x4EC1)))
        });
        (job.claimKind, job.paramsHash) = (6, keccak256(abi.encode(keccak256("peaberry/message/1"), message)));
        terms = makeTerms();
        terms.deadline = message.deliverUntil + CONFIRM;
    }

    function _refused(Message memory message, Job memory job, Terms memory terms, bytes memory why) internal {
        vm.expectRevert(why);
        outbox.send(message, job, terms, policy);
    }

    function test_bridge_anOrderIsDeliveredOncePaidByAQuorum() public {
        (Message memory message, Job memory job, Terms memory terms) = _order();
        openJob(job, terms, policy);
        bytes32 hash = outbox.send(message, job, terms, policy);
        assertEq(outbox.jobOf(hash), idOf(job), "bound");
        vm.chainId(B);
        vm.warp(message.deliverUntil); // the last second
        vm.prank(executor);
        assertEq(inbox.deliver(message), hash, "one name on both chains");
        assertEq(shop.sold(address(0x4EC1)), 1, "bought");
        assertEq(moneyB.balanceOf(executor), 940, "sixty were spent, ten came back");
        vm.prank(executor);
        vm.expectRevert(abi.encodeWithSelector(Inbox.DeliveredBefore.selector, message.deliverUntil));
        inbox.deliver(message);
    }

    function test_bridge_nothingIsDeliveredAfterItsTime() public {
        (Message memory message,,) = _order();
        vm.chainId(B);
        vm.warp(message.deliverUntil + 1);
        vm.prank(executor);
        vm.expectRevert(abi.encodeWithSelector(Inbox.TooLate.selector, message.deliverUntil));
        inbox.deliver(message);
    }

    function test_bridge_aFailedCallDeliversNothing() public {
        (Message memory message,,) = _order();
        vm.chainId(B);
        shop.close();
        vm.prank(executor);
        vm.expectRevert();
        inbox.deliver(message);
        assertEq(moneyB.balanceOf(executor), 1_000, "its money is its own");
        message.target = address(0xE0A);
        vm.prank(executor);
        vm.expectRevert(abi.encodeWithSelector(Inbox.CallFailed.selector, bytes("")));
        inbox.deliver(message); // no code there: a call that does nothing is no delivery
    }

    function test_bridge_nobodyElseDeliversOrSpendsAnAllowance() public {
        (Message memory message,,) = _order();
        vm.chainId(B);
        vm.prank(rival);
        vm.expectRevert(abi.encodeWithSelector(Inbox.NotTheExecutor.selector, rival));
        inbox.deliver(message);
        // A message whose call would take the executor's allowance to the inbox: the courier has none of it.
        message.executor = rival;
        message.price = 0;
        message.target = address(moneyB);
        message.data = abi.encodeCall(moneyB.transferFrom, (executor, rival, 500));
        vm.prank(rival);
        vm.expectRevert();
        inbox.deliver(message);
    }

    /// @dev What one order's call approves to a stranger is worth nothing in the next delivery.
    function test_bridge_aCourierLeavesNothingBehind() public {
        (Message memory message,,) = _order();
        vm.chainId(B);
        message.target = address(moneyB);
        message.data = abi.encodeCall(moneyB.approve, (rival, type(uint256).max));
        vm.recordLogs();
        vm.prank(executor);
        inbox.deliver(message);
        assertEq(moneyB.balanceOf(executor), 1_000, "nothing was spent");
        Vm.Log[] memory logs = vm.getRecordedLogs();
        uint256 approvals = 0;
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != keccak256("Approval(address,address,uint256)") || logs[i].topics[2] != bytes32(uint256(uint160(rival)))) continue;
            address courier = address(uint160(uint256(logs[i].topics[1])));
            assertEq(courier.code.length, 0, "no code");
            assertEq(moneyB.balanceOf(courier), 0, "no money");
            ++approvals;
        }
        assertEq(approvals, 1, "it did approve");
        (Message memory next,,) = _order();
        vm.prank(executor);
        inbox.deliver(next);
        assertEq(shop.sold(address(0x4EC1)), 1, "the next one is another courier's");
    }

    function test_bridge_theRefundCannotComeBeforeTheDelivery() public {
        (Message memory message, Job memory job, Terms memory terms) = _order();
        terms.deadline = message.deliverUntil + CONFIRM - 1;
        openJob(job, terms, policy);
        _refused(message, job, terms, abi.encodeWithSelector(Outbox.RefundTooEarly.selector, uint256(message.deliverUntil) + CONFIRM));
    }

    function test_bridge_everythingIsBound() public {
        (Message memory message, Job memory job, Terms memory terms) = _order();
        _refused(message, job, terms, abi.encodeWithSelector(Outbox.JobNotOpen.selector));
        openJob(job, terms, policy);
        vm.chainId(B);
        _refused(message, job, terms, abi.encodeWithSelector(Outbox.WrongMessage.selector, "chainA"));
        vm.chainId(8996);
        message.requester = rival;
        _refused(message, job, terms, abi.encodeWithSelector(Outbox.WrongMessage.selector, "requester"));
        message.requester = requester;
        message.executor = rival;
        _refused(message, job, terms, abi.encodeWithSelector(Outbox.WrongMessage.selector, "executor"));
        message.executor = executor;
        ++message.jobNonce;
        _refused(message, job, terms, abi.encodeWithSelector(Outbox.WrongMessage.selector, "jobNonce"));
        --message.jobNonce;
        message.price = 1;
        _refused(message, job, terms, abi.encodeWithSelector(Outbox.WrongMessage.selector, "job"));
        message.price = 70;
        message.outbox = rival;
        _refused(message, job, terms, abi.encodeWithSelector(Outbox.WrongMessage.selector, "outbox"));
        message.outbox = address(outbox);
        message.chainB = 8996;
        _refused(message, job, terms, abi.encodeWithSelector(Outbox.WrongMessage.selector, "chainB"));
        message.chainB = B;
        terms.amount += 1; // not the job's own terms
        _refused(message, job, terms, abi.encodeWithSelector(IJobEscrow.WrongTerms.selector, idOf(job)));
        terms.amount -= 1;
        outbox.send(message, job, terms, policy);
        _refused(message, job, terms, abi.encodeWithSelector(Outbox.SentBefore.selector));
    }
}

/// @dev An exchange at a fixed price, as Ocean's is called; `short` datatokens are kept back.
contract StubExchange {
    Token public immutable base;
    Token public immutable datatoken;
    uint256 public immutable price;
    uint256 public short;

    constructor(Token base_, Token datatoken_, uint256 price_) {
        (base, datatoken, price) = (base_, datatoken_, price_);
    }

    function setShort(uint256 short_) external {
        short = short_;
    }

    function buyDT(bytes32, uint256 amount, uint256 most, address, uint256) external {
        uint256 cost = price * amount / 1e18;
        require(cost <= most, "too dear");
        base.transferFrom(msg.sender, address(this), cost);
        datatoken.mint(msg.sender, amount - short);
    }
}

contract BuyForTest is Fixture {
    Token internal base = new Token();
    Token internal datatoken = new Token();
    BuyFor internal buyer = new BuyFor();

    function _exchange(uint256 price) private returns (IFixedRateExchange) {
        return IFixedRateExchange(address(new StubExchange(base, datatoken, price)));
    }

    function testFuzz_theRecipientHasTheGoods_theCallerItsChange_andNothingStays(uint96 price, uint96 allowance, uint64 amount) external {
        price = uint96(bound(price, 1, 1e24));
        amount = uint64(bound(amount, 1e9, 10e18));
        uint256 cost = uint256(price) * amount / 1e18;
        allowance = uint96(bound(allowance, cost, cost + 1e24));
        base.mint(address(this), allowance);
        base.approve(address(buyer), allowance);
        IFixedRateExchange exchange = _exchange(price);
        buyer.buy(exchange, 0, base, datatoken, amount, address(0xbee));
        assertEq(datatoken.balanceOf(address(0xbee)), amount, "goods");
        assertEq(base.balanceOf(address(this)), allowance - cost, "change");
        assertEq(base.balanceOf(address(buyer)) + datatoken.balanceOf(address(buyer)), 0, "nothing stays");
        assertEq(base.allowance(address(buyer), address(exchange)), 0, "no allowance stays");
    }

    function test_anExchangeThatKeepsGoodsBack_sellsNothing() external {
        IFixedRateExchange exchange = _exchange(1e18);
        StubExchange(address(exchange)).setShort(1);
        base.mint(address(this), 2e18);
        base.approve(address(buyer), 2e18);
        vm.expectRevert(BuyFor.NothingBought.selector);
        buyer.buy(exchange, 0, base, datatoken, 1e18, address(0xbee));
        StubExchange(address(exchange)).setShort(0);
        vm.expectRevert(BuyFor.NothingBought.selector);
        buyer.buy(exchange, 0, base, datatoken, 0, address(0xbee));
    }

    function test_whatSomebodyElseLeftThere_isNobodysChange() external {
        base.mint(address(buyer), 5e18);
        base.mint(address(this), 2e18);
        base.approve(address(buyer), 2e18);
        buyer.buy(_exchange(1e18), 0, base, datatoken, 1e18, address(0xbee));
        assertEq(base.balanceOf(address(this)), 1e18, "its own change");
        assertEq(base.balanceOf(address(buyer)), 5e18, "not the other's");
    }
}

contract ClinicTest is Fixture {
    Clinic internal clinic;
    bytes32 internal model;
    bytes internal policy;
    Job internal asked;
    Terms internal terms;

    function setUp() public override {
        super.setUp();
        vm.prank(requester);
        clinic = new Clinic(escrow, token);
        token.mint(address(clinic), 100 ether);
        // Urgent when the second feature is above 5.
        model = direct.publish(abi.encodePacked(hex"01010002", hex"05", uint16(1), int32(5), int32(0), int32(1)));
        policy = single(address(direct), 0, "");
    }

    function _ask(bytes memory input) internal returns (bytes32 id) {
        terms = makeTerms();
        (terms.callback, terms.callbackGas, terms.amount) = (address(clinic), 120_000, 1 ether);
        vm.prank(requester);
        id = clinic.ask(model, keccak256(input), policy, terms);
        asked = Job(block.chainid, address(escrow), 1, model, keccak256(input), 0, keccak256(policy), address(clinic), ++nonce);
        assertEq(idOf(asked), id, "the question");
    }

    function _answer(bytes memory input) internal {
        bytes memory output = direct.execute(model, input);
        IJobEscrow.Answer memory answer = answerOf(executor, keccak256(output), terms.amount);
        answer.output = output;
        vm.prank(executor);
        escrow.claim(asked, terms, policy, answer, withData(0, input));
        escrow.finalise(asked, terms, policy, output);
    }

    function test_clinic_actsOnTheChainsOwnAnswer() public {
        bytes32 id = _ask(hex"0006");
        _answer(hex"0006");
        assertTrue(clinic.triageOf(id) == Clinic.Triage.Urgent && clinic.urgentCases() == 1, "urgent");
        id = _ask(hex"0005");
        _answer(hex"0005");
        assertTrue(clinic.triageOf(id) == Clinic.Triage.Routine && clinic.urgentCases() == 1, "routine");
        assertEq(escrow.balanceOf(address(token), executor), 2 ether, "paid");
    }

    function test_clinic_listensToTheEscrowAlone() public {
        bytes32 id = _ask(hex"0006");
        vm.expectRevert(abi.encodeWithSelector(Clinic.OnlyTheEscrow.selector));
        clinic.onJobFinal(id, 0, 0, abi.encode(1));
        vm.prank(address(escrow));
        vm.expectRevert(abi.encodeWithSelector(Clinic.NotAsked.selector, bytes32(uint256(1))));
        clinic.onJobFinal(bytes32(uint256(1)), 0, 0, abi.encode(1));
        vm.prank(address(escrow));
        vm.expectRevert(abi.encodeWithSelector(Clinic.NotAClass.selector, abi.encode(2)));
        clinic.onJobFinal(id, 0, 0, abi.encode(2));
        vm.expectRevert(abi.encodeWithSelector(Clinic.OnlyThePhysician.selector));
        clinic.ask(model, 0, policy, terms);
        vm.expectRevert(abi.encodeWithSelector(Clinic.OnlyThePhysician.selector));
        clinic.close(rival);
    }

    function test_clinic_hasItsMoneyBackWhenNobodyAnswers() public {
        _ask(hex"0006");
        vm.warp(terms.deadline + 1);
        escrow.refund(asked, terms, policy);
        clinic.reclaim();
        assertEq(token.balanceOf(address(clinic)), 100 ether, "back");
        vm.prank(requester);
        clinic.close(requester);
        assertEq(token.balanceOf(address(clinic)), 0, "the physician's");
    }
}
