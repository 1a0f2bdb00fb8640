// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title Bootstrap points: not transferable, kept by agent id
/// @notice Each completed order earns its seller 2 points and its buyer 1, as the policy stands at first. All amounts here are in units
/// of a hundredth of a point ({decimals}), so that a weight in whole per cent never rounds: 2 points are 200.
///
/// An order earns nothing when seller and buyer are one agent, when the payer is or ever was an EOA of the seller's, when one of the
/// two is the other's operator, and beyond the pair's number of orders per day. What is left is cut to the policy's weight when the
/// Experience sold more than a handful of keys and is not endorsed, and then, for each of the two alone, to what it may still earn today.
/// Days are those of UTC. Every order writes one event: what it earned, and by {PointsReasons} why not more.
/// @dev What this can't stop: agents that nothing on chain connects. A ring of n agents, all of one owner's, earns per day at most
/// n × `agentPointsPerDay`, and at most n(n−1)/2 × `pairTradesPerDay` × (`sellerAward` + `buyerAward`): with the first policy 15 points
/// for two agents, 5,000 for fifty. It pays gas for each order and for each new agent, and for each new listing once the handful of the
/// old one is sold; what else it pays, it pays to itself. No call mints beyond these caps, whatever its owner owns: points are
/// therefore worth what a day of gas costs, and the policy can lower each number, down to none per day.
/// Around midnight two days' caps can be earned in a row.
interface IPointsLedger {
    /// @notice One slot. Bounds, inclusive, beside each.
    struct Policy {
        /// Points that a completed order earns its seller. 1 to 10.
        uint8 sellerAward;
        /// Points that it earns its buyer. 1 to 10.
        uint8 buyerAward;
        /// Orders between the same two agents, in either direction, that count on one day. 1 to 50.
        uint16 pairTradesPerDay;
        /// Points that one agent can earn on one day, as seller and buyer together. 0 to 10,000; 0 ends the programme.
        uint16 agentPointsPerDay;
        /// Sales of a listing after which it must be endorsed to earn in full. 0 to 1,000.
        uint16 handful;
        /// Per cent of the award that remains without endorsement. 0 to 100.
        uint8 unendorsedPercent;
    }

    /// @notice A completed order's points. The balances are those after it; `reasons` is 0 for the full award, else a bit set of
    /// {PointsReasons} that says what cut it.
    event PointsAwarded(
        uint256 indexed ekId,
        uint256 indexed sellerId,
        uint256 indexed buyerId,
        uint256 keyId,
        uint256 sellerDelta,
        uint256 buyerDelta,
        uint256 sellerBalance,
        uint256 buyerBalance,
        uint8 reasons
    );
    /// @notice A completed order earned neither party anything, for `reasons`, a bit set of {PointsReasons}.
    event PointsWithheld(
        uint256 indexed ekId,
        uint256 indexed sellerId,
        uint256 indexed buyerId,
        uint256 keyId,
        uint8 reasons
    );
    /// @notice The agent paid with points, which are gone. `balance` is what it has left.
    event PointsSpent(
        uint256 indexed agentId,
        uint256 indexed ekId,
        uint256 indexed keyId,
        uint256 amount,
        uint256 balance
    );
    event PolicySet(Policy policy);

    error NotExchange(address caller);
    error ZeroAddress();
    /// @notice The agent has `balance` and would need `needed`, both in units.
    error InsufficientPoints(uint256 agentId, uint256 balance, uint256 needed);
    error SellerAwardOutOfBounds(uint256 points, uint256 minimum, uint256 maximum);
    error BuyerAwardOutOfBounds(uint256 points, uint256 minimum, uint256 maximum);
    error PairTradesOutOfBounds(uint256 perDay, uint256 minimum, uint256 maximum);
    error AgentPointsOutOfBounds(uint256 perDay, uint256 minimum, uint256 maximum);
    error HandfulOutOfBounds(uint256 sales, uint256 minimum, uint256 maximum);
    error UnendorsedPercentOutOfBounds(uint256 percent, uint256 minimum, uint256 maximum);

    /// @notice Awards the points of one completed order. The exchange alone, once per order.
    /// @dev Never refuses an order for its parties, payer or count, and never loops: points may not hold up a sale.
    /// @param payer Whose money paid, or who called for a free key; zero when nobody can be named.
    /// @param sales How many keys of the listing have been sold, this one included.
    function award(
        uint256 ekId,
        uint256 keyId,
        uint256 sellerId,
        uint256 buyerId,
        address payer,
        uint256 sales
    ) external;

    /// @notice Burns `amount` units of the agent's points, with which it pays for a key. The exchange alone. What the agent ever earned
    /// stays as it is. Reverts with {InsufficientPoints}.
    function spend(uint256 agentId, uint256 amount, uint256 ekId, uint256 keyId) external;

    /// @notice Sets the policy for all orders from now on; today's counts stay. Restricted by the authority. Reverts with the error of
    /// the first member that is out of its bounds.
    function setPolicy(Policy calldata policy_) external;

    function policy() external view returns (Policy memory);

    /// @notice Units that the agent can spend.
    function balanceOf(uint256 agentId) external view returns (uint256);

    /// @notice Units that the agent ever earned. Less {balanceOf}, it is what the agent ever spent; nothing else takes points away.
    function lifetimeOf(uint256 agentId) external view returns (uint256);

    /// @notice Units that the agent has earned today.
    function earnedToday(uint256 agentId) external view returns (uint256);

    /// @notice How many orders of the two, in either direction, have counted today, and whether one was seen to be the other's operator.
    function pairOf(uint256 agentA, uint256 agentB) external view returns (uint256 tradesToday, bool linked);

    /// @notice The exchange, which alone awards and spends.
    function exchange() external view returns (address);

    /// @notice 2: a point is 100 units.
    function decimals() external view returns (uint8);
}
