// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IERC20} from "@openzeppelin/contracts/interfaces/IERC20.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {IAgentRegistry} from "../../../contracts/interfaces/IAgentRegistry.sol";
import {IExchange} from "../../../contracts/interfaces/IExchange.sol";
import {Reasons} from "./Reasons.sol";
import {Sales} from "./Sales.sol";
import {TypedData} from "./TypedData.sol";

/// @title Buyers buy with a wallet; earners withdraw
abstract contract BuyingActions is Sales {
    using Reasons for Reasons.List;

    /// @param fault 0: a maximum below the price, 1: too late, 2: another version, 3: no sufficient allowance, 4: a gift, 5: the token
    /// keeps a part of what it moves, 7: brought by nobody that there is; else none.
    function buy(uint256 who, uint256 ek, uint256 seed, uint256 fault) public {
        fault %= 16;
        (Trade memory t, IExchange.Purchase memory p, Reasons.List memory reasons) = _order(who, ek, seed, fault);
        address token = _listings[t.ekId].terms.token;
        uint256 allowance = fault == 3 ? t.cost / 2 : t.cost;
        bool keepsPart = fault == 5 && token == address(hostile) && t.cost != 0;
        if (keepsPart) _levyToll(reasons, t.cost, seed);
        _provide(token, t.caller, t.cost, allowance);
        _mustBeAllowed(reasons, allowance, t.cost);
        bool done = _attemptSale(t, address(sys.exchange), abi.encodeCall(IExchange.buy, (p)), reasons);
        if (keepsPart) hostile.setToll(0);
        if (done) _move(token, t.caller, address(sys.exchange), t.cost);
    }

    /// @param fault As in {buy}, but 5 and above 11: somebody submits the permit first, 6: the permit is not the caller's.
    function buyWithPermit(uint256 who, uint256 ek, uint256 seed, uint256 fault) external {
        fault %= 16;
        (Trade memory t, IExchange.Purchase memory p, Reasons.List memory reasons) = _order(who, ek, seed, fault);
        address token = _listings[t.ekId].terms.token;
        _provide(token, t.caller, t.cost, 0);
        IExchange.Permit memory permit = _permit(token, t.caller, fault == 3 ? t.cost / 2 : t.cost, fault == 6);
        if (fault == 5 || fault > 11) _submitFirst(token, t.caller, permit);
        // Neither a token without permits nor a smart account can grant an allowance by a signature.
        bool usable = fault != 6 && token != address(hostile) && !_isSmart(t.caller);
        uint256 allowance = usable ? permit.value : 0;
        _mustBeAllowed(reasons, allowance, t.cost);
        bool done = _attemptSale(
            t,
            address(sys.exchange),
            abi.encodeCall(IExchange.buyWithPermit, (p, permit)),
            reasons
        );
        if (done) _move(token, t.caller, address(sys.exchange), t.cost);
        _approve(token, t.caller, 0);
    }

    /// @dev Anyone may send earned money home; only the agent itself may send it elsewhere.
    function withdraw(uint256 agent, uint256 tokenIndex, uint256 who, uint256 to) external {
        (uint256 agentId, address token) = _earner(agent, tokenIndex);
        address caller = who % 4 == 0 ? _account(who / 4) : eoaOf[agentId];
        address payee =
            to % 4 == 0
                ? address(0)
                : to % 4 == 1
                    ? COLD_WALLET
                    : eoaOf[agentId];
        address receiver = payee == address(0) ? eoaOf[agentId] : payee;
        uint256 amount = creditOf[agentId][token];
        Reasons.List memory reasons = Reasons.none();
        reasons.when(
            receiver != eoaOf[agentId] && caller != eoaOf[agentId],
            abi.encodeWithSelector(IExchange.NotAuthorized.selector, agentId, caller, 0)
        );
        reasons.when(amount == 0, abi.encodeWithSelector(IExchange.NothingToWithdraw.selector, agentId, token));
        bytes memory data = abi.encodeCall(IExchange.withdraw, (agentId, token, payee));
        (bool done, bytes memory result) = _attempt(caller, address(sys.exchange), data, reasons);
        if (!done) return;
        equal(abi.decode(result, (uint256)), amount, "amount withdrawn");
        creditOf[agentId][token] = 0;
        withdrawn[agentId][token] += amount;
        _move(token, address(sys.exchange), receiver, amount);
    }

    function donate(uint256 who, uint256 tokenIndex, uint256 amount) external {
        address token = tokens[tokenIndex % tokens.length];
        address donor = _account(who);
        amount %= 10 ** 12;
        _give(token, donor, amount);
        bytes memory data = abi.encodeCall(IERC20.transfer, (address(sys.exchange), amount));
        _attempt(donor, token, data, Reasons.none());
        _move(token, donor, address(sys.exchange), amount);
        donated[token] += amount;
    }

    /// @dev Mostly an agent and a token in which it has earned something, where there is one.
    function _earner(uint256 agent, uint256 tokenIndex) private view returns (uint256 agentId, address token) {
        token = tokens[tokenIndex % tokens.length];
        for (uint256 i; i < agentCount && agent % 8 != 0; ++i) {
            agentId = _agent((agent % agentCount) + i);
            if (creditOf[agentId][token] != 0) return (agentId, token);
        }
        agentId = _agent(agent);
    }

    /// @dev A token that keeps a part of what it moves buys nothing, and whoever tried has lost nothing.
    function _levyToll(Reasons.List memory reasons, uint256 cost, uint256 seed) private {
        uint256 toll = 1 + (seed % cost);
        hostile.setToll(toll);
        reasons.when(
            true,
            abi.encodeWithSelector(IExchange.InexactTransfer.selector, address(hostile), cost, cost - toll)
        );
    }

    /// @dev A wallet's order, and what forbids it so far.
    function _order(
        uint256 who,
        uint256 ek,
        uint256 seed,
        uint256 fault
    ) private view returns (Trade memory t, IExchange.Purchase memory p, Reasons.List memory reasons) {
        t = _trade(_listingId(ek), _account(who));
        reasons = Reasons.none();
        p = _purchase(reasons, t, seed, fault);
        if (agentAt[t.caller] == 0) _mustBeFree(reasons, t.caller, 0);
    }

    /// @dev The same without a wallet: whoever pays is `t.payer`.
    function _purchase(
        Reasons.List memory reasons,
        Trade memory t,
        uint256 seed,
        uint256 fault
    ) internal view returns (IExchange.Purchase memory p) {
        t.maxPrice = t.cost + (seed % 3 == 0 ? 0 : seed % 1_000_000);
        t.deadline = block.timestamp + (seed % 2 == 0 ? 0 : seed % 1 days);
        if (part(seed, "referred") % 2 == 0) t.referrerId = _agent(part(seed, "referrer"));
        if (fault == 0 && t.cost != 0) t.maxPrice = t.cost - 1;
        if (fault == 1) t.deadline = block.timestamp - 1;
        if (fault == 4) t.recipient = _account(seed);
        if (fault == 7) t.referrerId = agentCount + 2;
        p = IExchange.Purchase(t.ekId, _listings[t.ekId].version, t.recipient, t.maxPrice, t.deadline, t.referrerId);
        if (fault == 2) p.version = seed % 2 == 0 ? p.version + 1 : p.version - 1;
        _mustBeOpen(reasons, t, p.version);
        t.enrolls = true;
        t.asked = t.recipient == t.payer;
        reasons.when(fault == 7, abi.encodeWithSelector(IAgentRegistry.UnknownAgent.selector, t.referrerId));
        bytes memory noAgent = abi.encodeWithSelector(IExchange.RecipientNotAgent.selector, t.recipient);
        reasons.when(t.recipient != t.payer && agentAt[t.recipient] == 0, noAgent);
    }

    function _mustBeAllowed(Reasons.List memory reasons, uint256 allowance, uint256 cost) internal view {
        bytes4 short = IERC20Errors.ERC20InsufficientAllowance.selector;
        reasons.when(allowance < cost, abi.encodeWithSelector(short, address(sys.exchange), allowance, cost));
    }

    /// @dev Exactly the money that is needed, and exactly the allowance: a unit too much taken would fail.
    function _provide(address token, address buyer, uint256 amount, uint256 allowance) internal {
        _give(token, buyer, amount);
        _approve(token, buyer, allowance);
    }

    function _approve(address token, address owner, uint256 allowance) private {
        bytes memory data = abi.encodeCall(IERC20.approve, (address(sys.exchange), allowance));
        _attempt(owner, token, data, Reasons.none());
    }

    function _permit(
        address token,
        address owner,
        uint256 value,
        bool forged
    ) private view returns (IExchange.Permit memory permit) {
        permit.value = value;
        permit.deadline = block.timestamp;
        if (token == address(hostile)) return permit;
        uint256 nonce = ERC20Permit(token).nonces(owner);
        bytes32 digest = TypedData.permit(token, owner, address(sys.exchange), value, nonce, permit.deadline);
        uint256 signer = _signers[forged ? _other(owner) : owner];
        (permit.v, permit.r, permit.s) = vm.sign(signer, digest);
    }

    /// @dev The permit itself is public: somebody may be quicker with it.
    function _submitFirst(address token, address owner, IExchange.Permit memory p) private {
        if (token == address(hostile) || _isSmart(owner)) return;
        bytes memory data = abi.encodeCall(
            ERC20Permit.permit,
            (owner, address(sys.exchange), p.value, p.deadline, p.v, p.r, p.s)
        );
        _attempt(_other(owner), token, data, Reasons.none());
    }

    function _other(address account) internal view returns (address) {
        return accounts[0] == account ? accounts[1] : accounts[0];
    }
}
