// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @notice What an account must have to pass, for machines to read (ERC-8257, section 1).
struct AccessRequirement {
    /// Id of the marker interface that says what `data` means.
    bytes4 kind;
    bytes data;
    /// For people.
    string label;
}

/// @notice Whether all requirements must be met, or any one.
enum RequirementLogic {
    AND,
    OR
}

/// @title ERC-8257, the contract that a tool registry asks who may use a tool
/// @dev ERC-165 id 0xbdf9dc18. An answer is about `account`, not about who asks: a gate must make sure by itself that whom it serves is
/// `account` (ERC-8257, "Account Parameter Is Advisory").
interface IAccessPredicate {
    /// @notice Whether `account` may use the tool. `data` is whatever the predicate wants to be told.
    function hasAccess(uint256 toolId, address account, bytes calldata data) external view returns (bool);

    /// @notice What kind of predicate this is. Never empty.
    function name() external view returns (string memory);

    /// @notice What it takes to pass.
    function getRequirements(
        uint256 toolId
    ) external view returns (AccessRequirement[] memory requirements, RequirementLogic logic);
}
