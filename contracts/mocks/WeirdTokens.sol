// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

/// @title What the weird tokens below have in common
/// @notice Anyone may mint.
abstract contract BareToken {
    error InsufficientBalance(address owner, uint256 balance, uint256 needed);
    error InsufficientAllowance(address owner, address spender, uint256 allowance, uint256 needed);

    mapping(address owner => uint256) internal _balances;
    mapping(address owner => mapping(address spender => uint256)) public allowance;

    function mint(address to, uint256 value) external {
        _balances[to] += value;
    }

    function approve(address spender, uint256 value) external returns (bool) {
        allowance[msg.sender][spender] = value;
        return true;
    }

    function balanceOf(address owner) public view virtual returns (uint256) {
        return _balances[owner];
    }

    /// @dev Moves exactly `value`; the tokens below bend it.
    function _move(address from, address to, uint256 value) internal virtual {
        _take(from, value);
        _balances[to] += value;
    }

    function _take(address from, uint256 value) internal {
        uint256 balance = _balances[from];
        if (balance < value) revert InsufficientBalance(from, balance, value);
        _balances[from] = balance - value;
    }

    function _spend(address owner, uint256 value) internal {
        uint256 allowed = allowance[owner][msg.sender];
        if (allowed < value) revert InsufficientAllowance(owner, msg.sender, allowed, value);
        allowance[owner][msg.sender] = allowed - value;
    }
}

/// @title Takes permits and ERC-3009 authorizations without looking at their signatures
abstract contract TrustingToken is BareToken {
    function permit(address owner, address spender, uint256 value, uint256, uint8, bytes32, bytes32) external {
        allowance[owner][spender] = value;
    }

    function transferWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256,
        uint256,
        bytes32,
        uint8,
        bytes32,
        bytes32
    ) external {
        _move(from, to, value);
    }

    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256,
        uint256,
        bytes32,
        uint8,
        bytes32,
        bytes32
    ) external {
        _move(from, to, value);
    }
}

/// @title A token that answers as ERC-20 wants it
abstract contract AnsweringToken is BareToken {
    function transfer(address to, uint256 value) external returns (bool) {
        _move(msg.sender, to, value);
        return true;
    }

    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        _spend(from, value);
        _move(from, to, value);
        return true;
    }
}

/// @title Keeps one percent of every transfer
contract FeeOnTransferToken is AnsweringToken, TrustingToken {
    function _move(address from, address to, uint256 value) internal override {
        _take(from, value);
        _balances[to] += value - value / 100;
    }
}

/// @title Lets one unit of every transfer disappear, as tokens do that keep shares and round
contract ShortToken is AnsweringToken, TrustingToken {
    function _move(address from, address to, uint256 value) internal override {
        _take(from, value);
        _balances[to] += value - 1;
    }
}

/// @title Says false instead of reverting, and its authorizations do nothing without a word (T19)
contract FalseReturnToken is TrustingToken {
    function transfer(address, uint256) external pure returns (bool) {
        return false;
    }

    function transferFrom(address, address, uint256) external pure returns (bool) {
        return false;
    }

    function _move(address from, address to, uint256 value) internal override {}
}

/// @title Says nothing, as USDT does
contract NoReturnToken is TrustingToken {
    function transfer(address to, uint256 value) external {
        _move(msg.sender, to, value);
    }

    function transferFrom(address from, address to, uint256 value) external {
        _spend(from, value);
        _move(from, to, value);
    }
}

/// @title Stops moving at some time
contract RevertingToken is AnsweringToken, TrustingToken {
    error Halted();

    bool private _halted;

    function halt() external {
        _halted = true;
    }

    function _move(address from, address to, uint256 value) internal override {
        if (_halted) revert Halted();
        super._move(from, to, value);
    }
}

/// @title Every balance is a share of a supply that changes
contract RebasingToken is AnsweringToken, TrustingToken {
    uint256 private _percent = 100;

    function rebase(uint256 percent) external {
        _percent = percent;
    }

    function balanceOf(address owner) public view override returns (uint256) {
        return (_balances[owner] * _percent) / 100;
    }

    function _move(address from, address to, uint256 value) internal override {
        super._move(from, to, (value * 100) / _percent);
    }
}

/// @title Has neither permit nor authorizations
contract PermitlessToken is AnsweringToken {}

/// @title Has neither permit nor authorizations, but swallows the calls, as tokens with a fallback do
contract SwallowingToken is AnsweringToken {
    event Swallowed(bytes data);

    fallback() external {
        emit Swallowed(msg.data);
    }
}

/// @title Serves nobody on its denylist, as USDC does
contract DenylistToken is AnsweringToken {
    error Denied(address account);

    mapping(address account => bool) private _denied;

    function deny(address account) external {
        _denied[account] = true;
    }

    function _move(address from, address to, uint256 value) internal override {
        if (_denied[from]) revert Denied(from);
        if (_denied[to]) revert Denied(to);
        super._move(from, to, value);
    }
}
