// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";

import {TableRegistry} from "../src/data/TableRegistry.sol";
import {ModelRegistry} from "../src/learn/ModelRegistry.sol";
import {ISubjectRegistry, Parent} from "../src/settlement/ISubjectRegistry.sol";
import {LineageSplitter, LineageSplitters} from "../src/settlement/LineageSplitter.sol";
import {SubjectRegistry} from "../src/settlement/SubjectRegistry.sol";
import {Job} from "../src/settlement/Job.sol";
import {Terms} from "../src/settlement/IJobEscrow.sol";
import {Shares} from "../src/settlement/Shares.sol";
import {Fixture} from "./Fixture.sol";

contract DataNft is ERC721 {
    constructor(address owner) ERC721("Data NFT", "DATA") {
        _mint(owner, 1);
    }
}

contract LineageTest is Fixture {
    TableRegistry internal tables;
    ModelRegistry internal models;
    LineageSplitters internal splitters;
    address internal hospital = address(0x4051);
    address internal lab = address(0x1AB);

    function setUp() public override {
        super.setUp();
        tables = new TableRegistry();
        models = new ModelRegistry();
        splitters = new LineageSplitters(tables, models);
    }

    function _table(address owner_) internal returns (address nft) {
        nft = address(new DataNft(owner_));
        vm.prank(owner_);
        tables.register(nft, TableRegistry.Table(1, "schema", "columns", 10), new Parent[](0));
    }

    function _model(address owner_, Parent[] memory parents) internal returns (address nft) {
        nft = address(new DataNft(owner_));
        vm.prank(owner_);
        models.register(nft, ModelRegistry.Model("weights", "architecture", "int8", 0), parents, "receipt");
    }

    function _registries(uint256 n, ISubjectRegistry registry) internal pure returns (ISubjectRegistry[] memory list) {
        list = new ISubjectRegistry[](n);
        for (uint256 i = 0; i < n; ++i) list[i] = registry;
    }

    function test_registry_epochsCountAndStay() public {
        address nft = _table(hospital);
        (uint8 kind, bytes32 root, uint64 epoch, bytes32 parentsHash) = tables.subjectOf(nft);
        assertEq(kind, 1, "kind");
        assertEq(epoch, 1, "epoch");
        assertEq(parentsHash, 0, "no parents");
        vm.prank(hospital);
        tables.register(nft, TableRegistry.Table(1, "schema", "more columns", 20), new Parent[](0));
        (, bytes32 next, uint64 second,) = tables.subjectOf(nft);
        assertEq(second, 2, "epoch");
        assertTrue(root != next, "root");
        assertEq(tables.rootAt(nft, 1), root, "the first stays");
        assertEq(tables.tableAt(nft, 2).rows, 20, "rows");
        assertEq(tables.inputRootOf(nft, 2), keccak256(abi.encode(keccak256(abi.encode(block.chainid, address(tables), nft)), uint64(2), bytes32("more columns"))), "inputRoot as DESIGN says");
        (kind,,,) = models.subjectOf(nft);
        assertEq(kind, 0, "unknown elsewhere");
    }

    function test_registry_refusesStrangersAndNonsense() public {
        address nft = _table(hospital);
        TableRegistry.Table memory table = TableRegistry.Table(1, "schema", "columns", 1);
        vm.prank(lab);
        vm.expectRevert(abi.encodeWithSelector(SubjectRegistry.NotTheOwner.selector, nft, lab));
        tables.register(nft, table, new Parent[](0));
        Parent[] memory parents = new Parent[](1);
        parents[0] = Parent(nft, 1, 1);
        vm.prank(hospital);
        vm.expectRevert(abi.encodeWithSelector(SubjectRegistry.OwnParent.selector, nft));
        tables.register(nft, table, parents);
        parents[0] = Parent(address(1), 1, 10_001);
        vm.prank(hospital);
        vm.expectRevert(abi.encodeWithSelector(SubjectRegistry.SharesTooLarge.selector, 10_001));
        tables.register(nft, table, parents);
        vm.prank(hospital);
        vm.expectRevert(abi.encodeWithSelector(SubjectRegistry.TooManyParents.selector, 17));
        tables.register(nft, table, new Parent[](17));
        table.scheme = 2;
        vm.prank(hospital);
        vm.expectRevert(abi.encodeWithSelector(TableRegistry.UnknownScheme.selector, 2));
        tables.register(nft, table, new Parent[](0));
    }

    function test_splitter_paysParentsByTheirSharesAndTheRestToTheOwner(uint96 income, uint16 first, uint16 second) public {
        first = uint16(bound(first, 0, 10_000));
        second = uint16(bound(second, 0, 10_000 - first));
        income = uint96(bound(income, 1, type(uint96).max));
        address tableA = _table(hospital);
        address tableB = _table(address(0x4052));
        Parent[] memory parents = new Parent[](2);
        (parents[0], parents[1]) = (Parent(tableA, 1, first), Parent(tableB, 1, second));
        address model = _model(lab, parents);
        LineageSplitter splitter = LineageSplitter(splitters.make(models, model));
        token.mint(address(splitter), income);
        splitter.split(address(token), parents, _registries(2, tables));
        uint256 a = uint256(income) * first / 10_000;
        uint256 b = uint256(income) * second / 10_000;
        assertEq(splitter.balances(address(token), splitters.splitterOf(tables, tableA)), a, "first parent, floored");
        assertEq(splitter.balances(address(token), splitters.splitterOf(tables, tableB)), b, "second parent, floored");
        assertEq(splitter.balances(address(token), lab), income - a - b, "the owner has every rounding");
    }

    function test_gas_aSplitOfFive() public {
        Parent[] memory parents = new Parent[](5);
        for (uint256 i = 0; i < 5; ++i) parents[i] = Parent(_table(address(uint160(0x4051 + i))), 1, 1_000);
        LineageSplitter splitter = LineageSplitter(splitters.make(models, _model(lab, parents)));
        for (uint256 round = 1; round <= 2; ++round) {
            token.mint(address(splitter), 1 ether);
            vm.prank(executor);
            splitter.split(address(token), parents, _registries(5, tables));
        }
        uint256 used = vm.lastCallGas().gasTotalUsed;
        vm.snapshotValue("market", "gas_lineage_split_5", used);
        assertTrue(used <= 160_000, "gas_lineage_split_5");
    }

    function test_splitter_aChainPaysItsRootGenerationByGeneration() public {
        address table = _table(hospital);
        Parent[] memory parents = new Parent[](1);
        parents[0] = Parent(table, 1, 5_000);
        address[] memory chain = new address[](20);
        for (uint256 i = 0; i < 20; ++i) {
            chain[i] = _model(lab, parents);
            parents[0] = Parent(chain[i], 1, 5_000);
        }
        uint256 income = 1 ether;
        token.mint(splitters.splitterOf(models, chain[19]), income); // before the splitter exists
        for (uint256 i = 20; i > 0; --i) {
            parents[0] = Parent(i == 1 ? table : chain[i - 2], 1, 5_000);
            LineageSplitter splitter = LineageSplitter(splitters.make(models, chain[i - 1]));
            ISubjectRegistry registry = i == 1 ? ISubjectRegistry(tables) : models;
            uint256 before = gasleft();
            splitter.split(address(token), parents, _registries(1, registry));
            assertTrue(before - gasleft() < 250_000, "each generation costs the same");
            splitter.withdraw(address(token), splitters.splitterOf(registry, parents[0].nft));
            splitter.withdraw(address(token), lab);
        }
        LineageSplitter root = LineageSplitter(splitters.make(tables, table));
        root.split(address(token), new Parent[](0), new ISubjectRegistry[](0));
        root.withdraw(address(token), hospital);
        assertEq(token.balanceOf(hospital), income >> 20, "what twenty generations left");
        assertEq(token.balanceOf(lab) + token.balanceOf(hospital), income, "to the wei");
    }

    function test_splitter_takesOnlyTheRegisteredParents() public {
        address table = _table(hospital);
        Parent[] memory parents = new Parent[](1);
        parents[0] = Parent(table, 1, 5_000);
        address model = _model(lab, parents);
        LineageSplitter splitter = LineageSplitter(splitters.make(models, model));
        token.mint(address(splitter), 100);
        Parent[] memory none = new Parent[](0);
        ISubjectRegistry[] memory noRegistries = new ISubjectRegistry[](0);
        vm.expectRevert(abi.encodeWithSelector(LineageSplitter.WrongParents.selector));
        splitter.split(address(token), none, noRegistries);
        parents[0].shareBps = 1;
        ISubjectRegistry[] memory one = _registries(1, tables);
        vm.expectRevert(abi.encodeWithSelector(LineageSplitter.WrongParents.selector));
        splitter.split(address(token), parents, one);
        parents[0].shareBps = 5_000;
        one = _registries(1, ISubjectRegistry(address(this)));
        vm.expectRevert(abi.encodeWithSelector(LineageSplitter.WrongParents.selector));
        splitter.split(address(token), parents, one); // a registry that somebody invented
        one = _registries(1, models);
        vm.expectRevert(abi.encodeWithSelector(LineageSplitter.WrongParents.selector));
        splitter.split(address(token), parents, one); // where the parent is not registered
        one = _registries(1, tables);
        splitter.split(address(token), parents, one);
        vm.expectRevert(abi.encodeWithSelector(Shares.NothingArrived.selector));
        splitter.split(address(token), parents, one);
        vm.expectRevert(abi.encodeWithSelector(LineageSplitters.UnknownRegistry.selector, address(this)));
        splitters.make(ISubjectRegistry(address(this)), model);
        LineageSplitter orphan = LineageSplitter(splitters.make(models, address(0x77)));
        vm.expectRevert(abi.encodeWithSelector(LineageSplitter.NotRegistered.selector));
        orphan.split(address(token), none, noRegistries);
    }

    function test_splitter_receivesTheRoyaltyOfAJob() public {
        address table = _table(hospital);
        Parent[] memory parents = new Parent[](1);
        parents[0] = Parent(table, 1, 2_500);
        address model = _model(lab, parents);
        LineageSplitter splitter = LineageSplitter(splitters.make(models, model));
        bytes memory policy = stubPolicy();
        Job memory job = makeJob(policy);
        Terms memory terms = makeTerms();
        (terms.royaltyTo, terms.royaltyBps) = (address(splitter), 4_000);
        openJob(job, terms, policy);
        claimAs(executor, job, terms, policy, "answer", noData());
        escrow.finalise(job, terms, policy, "");
        splitter.collect(address(escrow), address(token));
        splitter.split(address(token), parents, _registries(1, tables));
        splitter.withdraw(address(token), lab);
        assertEq(token.balanceOf(lab), 30 ether, "three quarters of 40 %");
        assertEq(splitter.balances(address(token), splitters.splitterOf(tables, table)), 10 ether, "a quarter");
    }
}
