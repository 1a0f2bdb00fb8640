/** The hostile contracts of `contracts/mocks`, typed. They take orders from anyone. */
import { getContract, parseAbi } from "viem";
import { client, create } from "./deploy.ts";

const receiverAbi = parseAbi([
  "error Refused()",
  "function act(address target, bytes data) returns (bytes)",
  "function arm(address target, bytes data)",
  "function setAnswer(bytes4 answer)",
  "function asked() view returns (uint256)",
  "function received() view returns (uint256)",
  "function succeeded() view returns (bool)",
]);

/** A contract account that misbehaves when it is handed an NFT; see `HostileReceiver.sol`. */
export async function createReceiver() {
  return getContract({ address: await create("HostileReceiver"), abi: receiverAbi, client });
}

const hostileTokenAbi = parseAbi([
  "struct Attempt { string hook; bool succeeded; bytes data; }",
  "function arm(address target, bytes data)",
  "function act(address target, bytes data) returns (bytes)",
  "function attempts() view returns (Attempt[])",
  "function mint(address to, uint256 value)",
  "function approve(address spender, uint256 value) returns (bool)",
  "function transfer(address to, uint256 value) returns (bool)",
  "function balanceOf(address owner) view returns (uint256)",
]);

/** A token that attacks from its hooks; see `HostileToken.sol`. */
export async function createHostileToken() {
  return getContract({ address: await create("HostileToken"), abi: hostileTokenAbi, client });
}

const weirdTokenAbi = parseAbi([
  "error InsufficientBalance(address owner, uint256 balance, uint256 needed)",
  "error InsufficientAllowance(address owner, address spender, uint256 allowance, uint256 needed)",
  "error Halted()",
  "error Denied(address account)",
  "error SafeERC20FailedOperation(address token)",
  "function mint(address to, uint256 value)",
  "function approve(address spender, uint256 value) returns (bool)",
  "function balanceOf(address owner) view returns (uint256)",
  "function transfer(address to, uint256 value)",
  "function halt()",
  "function deny(address account)",
  "function rebase(uint256 percent)",
]);

/** One of `WeirdTokens.sol`, by its contract's name. */
export async function createWeirdToken(name: string) {
  return getContract({ address: await create(name), abi: weirdTokenAbi, client });
}

const lossyTokenAbi = parseAbi([
  "function lose(uint256 percent)",
  "function mint(address to, uint256 value)",
  "function transfer(address to, uint256 value) returns (bool)",
  "function balanceOf(address owner) view returns (uint256)",
]);

/** A token of which less arrives than its logs say; see `LossyToken.sol`. */
export async function createLossyToken() {
  return getContract({ address: await create("LossyToken"), abi: lossyTokenAbi, client });
}
