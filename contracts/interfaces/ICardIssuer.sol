// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title Keys for card payments
/// @notice Whoever charged a card off chain pays the listing's price on chain, out of this contract's float, so that a seller is paid alike
/// on every rail. The money waits in escrow for as long as the card's holder can take its payment back; then the key is burnt and the
/// money returns to the float. The contract is an agent and the order's buyer; the card's holder is the key's.
/// @dev Issuers hold a role of the authority, which can be revoked at once. A stolen one can spend the day's cap and no more.
interface ICardIssuer {
    event ChargeIssued(
        bytes32 indexed chargeId,
        uint256 indexed keyId,
        address indexed token,
        uint256 price,
        address by
    );
    /// @notice The card's holder took its payment back. `recovered` is what the escrow still held.
    event ChargeReversed(bytes32 indexed chargeId, uint256 indexed keyId, uint256 recovered, address by);
    event DailyCapSet(address indexed token, uint256 cap);
    event HoldSet(uint32 hold);
    event FloatWithdrawn(address indexed token, address indexed to, uint256 amount, address by);

    error ChargeUsed(bytes32 chargeId, uint256 keyId);
    error ChargeMissing();
    error UnknownCharge(bytes32 chargeId);
    error ChargeAlreadyReversed(bytes32 chargeId);
    error DailyCapExceeded(address token, uint256 spent, uint256 price, uint256 cap);
    error HoldOutOfBounds(uint32 hold, uint32 minimum, uint32 maximum);

    /// @notice Buys a key for the EOA `recipient` of an agent, for a card payment. Issuers only.
    /// @param chargeId The provider's charge, hashed to 32 bytes; it works once.
    function issueForCharge(
        uint256 ekId,
        uint32 version,
        address recipient,
        uint256 maxPrice,
        uint256 deadline,
        bytes32 chargeId
    ) external returns (uint256 keyId);

    /// @notice Burns the charge's key and takes back what its escrow holds. Issuers only.
    function chargeback(bytes32 chargeId) external returns (uint256 recovered);

    /// @notice What may be spent of `token` per UTC day. Administrators only.
    function setDailyCap(address token, uint256 cap) external;

    /// @notice How long money for a card waits at least, from one second to 180 days. Administrators only.
    function setHold(uint32 hold) external;

    /// @notice Takes money out of the float. Administrators only.
    function withdrawFloat(address token, address to, uint256 amount) external;

    /// @notice The key that a charge bought, and whether it was taken back; zeros for an unknown charge.
    function chargeOf(bytes32 chargeId) external view returns (uint256 keyId, bool reversed);

    /// @notice What was spent of `token` today, and the day's cap.
    function spentToday(address token) external view returns (uint256 spent, uint256 cap);

    function hold() external view returns (uint32);
}
