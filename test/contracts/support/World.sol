// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ICardIssuer} from "../../../contracts/interfaces/ICardIssuer.sol";
import {IExchange} from "../../../contracts/interfaces/IExchange.sol";
import {TestUSDC} from "../../../contracts/mocks/TestUSDC.sol";
import {Wallet1271} from "../../../contracts/mocks/Wallet1271.sol";
import {OpenBooks} from "./OpenBooks.sol";
import {Reasons} from "./Reasons.sol";
import {ReenteringToken} from "./ReenteringToken.sol";
import {Vm} from "./Vm.sol";

/// @title The actors, the tokens, and the one way in which they call the contracts
/// @dev The last two actors are smart accounts, the last token is hostile.
abstract contract World is OpenBooks {
    uint256 internal constant EOAS = 12;
    uint256 internal constant SMART_ACCOUNTS = 2;
    /// @dev What the card issuer may spend of a token per day, and how long a card's money waits.
    uint256 internal constant DAILY_CAP = 10 ** 10;
    uint32 internal constant CARD_HOLD = 5 days;
    address internal constant GUARDIAN = address(0x60a2d);
    address internal constant RECORDER = address(0x2ec02d);
    address internal constant ISSUER = address(0x1550e2);

    System internal sys;
    ReenteringToken public hostile;
    /// @notice How often each function was called with success.
    mapping(bytes4 selector => uint256) public successes;
    mapping(bytes4 selector => uint256) public successesInPause;
    mapping(address account => uint256 privateKey) internal _signers;

    constructor(System memory system) {
        sys = system;
        for (uint256 i; i < EOAS + SMART_ACCOUNTS; ++i) {
            uint256 privateKey = uint256(keccak256(abi.encode("actor", i))) % CURVE_ORDER;
            address account = i < EOAS ? vm.addr(privateKey) : address(new Wallet1271(vm.addr(privateKey)));
            accounts.push(account);
            _signers[account] = privateKey;
        }
        hostile = new ReenteringToken(sys.exchange, sys.tills);
        tokens.push(address(new TestUSDC()));
        tokens.push(address(new TestUSDC()));
        tokens.push(address(hostile));
        for (uint256 i; i < tokens.length; ++i) {
            vm.prank(sys.admin);
            sys.catalog.allowToken(tokens[i], true);
            tokenAllowed[tokens[i]] = true;
            vm.prank(sys.admin);
            sys.cards.setDailyCap(tokens[i], DAILY_CAP);
        }
        cardDesk = address(sys.cards);
        vm.prank(sys.admin);
        sys.cards.setHold(CARD_HOLD);
        _giveRole(GUARDIAN, address(sys.exchange), IExchange.pause.selector);
        _giveRole(RECORDER, address(sys.exchange), IExchange.recordAccess.selector);
        _giveRole(ISSUER, address(sys.cards), ICardIssuer.issueForCharge.selector);
        _giveRole(ISSUER, address(sys.cards), ICardIssuer.chargeback.selector);
    }

    /// @dev A role of its own for each function.
    function _giveRole(address member, address target, bytes4 selector) private {
        bytes4[] memory selectors = new bytes4[](1);
        selectors[0] = selector;
        uint64 role = uint64(uint32(selector));
        vm.prank(sys.admin);
        sys.authority.setTargetFunctionRole(target, selectors, role);
        vm.prank(sys.admin);
        sys.authority.grantRole(role, member, 0);
    }

    /// @notice Sends what nothing forbids, and asserts that it goes through; or what something forbids, and asserts that it is refused
    /// for that.
    function _attempt(
        address from,
        address to,
        bytes memory data,
        Reasons.List memory reasons
    ) internal returns (bool done, bytes memory result) {
        ++steps;
        vm.recordLogs();
        (done, result) = callAs(from, to, data);
        // What a failed call said before it failed is recorded too.
        Vm.Log[] memory logs = vm.getRecordedLogs();
        if (done) _read(address(sys.exchange), logs);
        if (reasons.count == 0) {
            if (!done) equal(result, "", "refused, though the books know no reason");
            isTrue(done, "refused without a word, though the books know no reason");
            ++successes[bytes4(data)];
            if (block.timestamp < pausedUntil) ++successesInPause[bytes4(data)];
        } else {
            isTrue(!done, "went through, though the books know a reason");
            if (!Reasons.has(reasons, result)) equal(result, reasons.errors[0], "refused for another reason");
        }
    }

    function _account(uint256 seed) internal view returns (address) {
        return accounts[seed % accounts.length];
    }

    function _isSmart(address account) internal view returns (bool) {
        return account.code.length != 0;
    }

    /// @dev Any agent there is but the card issuer, which acts by itself alone; there is always one.
    function _agent(uint256 seed) internal view returns (uint256 agentId) {
        agentId = 1 + (seed % agentCount);
        if (eoaOf[agentId] == cardDesk) agentId = 1;
    }

    /// @dev Mostly the agent's own account, often its operator, sometimes anybody.
    function _actorFor(uint256 agentId, uint256 seed) internal view returns (address) {
        uint256 kind = seed % 8;
        address operator = _lastOperator[agentId];
        if (kind == 0) return _account(part(seed, "stranger"));
        if (kind < 4 && operator != address(0)) return operator;
        return eoaOf[agentId];
    }

    function _sign(address account, bytes32 digest) internal view returns (bytes memory) {
        return signatureOf(_signers[account], digest);
    }

    /// @dev Everything but the account's signature: another's, a malleated or cut one, none, noise.
    function _forge(address account, bytes32 digest, uint256 seed) internal view returns (bytes memory) {
        uint256 kind = seed % 5;
        address other = _account(seed / 5);
        if (other == account) other = _account(seed / 5 + 1);
        if (kind == 0) return _sign(other, digest);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(_signers[account], digest);
        if (kind == 1) return abi.encodePacked(r, CURVE_ORDER - uint256(s), v == 27 ? uint8(28) : uint8(27));
        if (kind == 2) return abi.encodePacked(r, s);
        if (kind == 3) return "";
        return abi.encodePacked(r, keccak256(abi.encode(seed)), v);
    }

    /// @dev Both test tokens can be minted by anyone: nobody here is ever short of money that it needs.
    function _give(address token, address to, uint256 amount) internal {
        TestUSDC(token).mint(to, amount);
        held[token][to] += amount;
    }
}
