/** A market with a token that attacks from its hooks and owns, besides, whatever it needs for that; see `threat-reentrancy.test.ts`. */
import { type Abi, type Address, encodeFunctionData, type Hex, maxUint256, toHex } from "viem";
import { agentRegistryAbi } from "../../../sdk/abis/index.ts";
import { time } from "./chain.ts";
import { by, people } from "./deploy.ts";
import {
  at,
  contentOf,
  DAY,
  deployMarket,
  FIXED,
  FUNDS,
  list,
  PRICE,
  purchaseOf,
  REFUNDABLE,
  termsOf,
  UNIT,
} from "./market.ts";
import { createHostileToken } from "./mocks.ts";
import { PERMIT2, placePermit2, placeUptoProxy } from "./permit2.ts";

const { admin, buyer, rival } = people;
/** No token here looks at signatures, nor at permits. */
export const SIGNATURE: Hex = `0x${"11".repeat(64)}1b`;
export const PERMIT = {
  value: PRICE,
  deadline: maxUint256,
  v: 27,
  r: toHex(1n, { size: 32 }),
  s: toHex(1n, { size: 32 }),
};
export const SALT = toHex(7n, { size: 32 });

/** The agent of the token, its listings, and the honest seller's in that token. */
export const EVIL = 5n;
export const EVIL_DEAR = 4n;
export const EVIL_FREE = 5n;
export const HONEST = 6n;
export const HELD = 7n;
export const SHORT = 8n;
export const RENEWABLE = 9n;
export const FOR_POINTS = 10n;
export const CHARGE = toHex(1n, { size: 32 });

type Contract = { address: Address; abi: Abi };
export type Call = { target: Address; data: Hex };

/** A call as data, for the token to make. */
export function callOf({ address, abi }: Contract, functionName: string, args: readonly unknown[]): Call {
  return { target: address, data: encodeFunctionData({ abi, functionName, args }) };
}

/** The market, the token with its agent, listings, orders, credit, allowances and role, and a card that was charged. */
export async function deployHostileMarket() {
  const moa = await deployMarket();
  const evil = await createHostileToken();
  const act = ({ target, data }: Call) => evil.write.act([target, data]);
  await placePermit2();
  await placeUptoProxy();
  await moa.catalog.write.allowToken([evil.address, true]);
  await moa.exchange.write.setFee([100, UNIT]);
  const register = encodeFunctionData({ abi: agentRegistryAbi, functionName: "register", args: [] });
  await evil.write.act([moa.registry.address, register]);
  const grantRole = {
    type: "function",
    name: "grantRole",
    stateMutability: "nonpayable",
    outputs: [],
  } as const;
  const inputs = ["uint64", "address", "uint32"].map((type, i) => ({ type, name: `a${i}` }));
  const role = encodeFunctionData({ abi: [{ ...grantRole, inputs }] as Abi, args: [0n, evil.address, 0] });
  await admin.wallet.sendTransaction({ to: moa.authority, data: role });

  const token = evil.address;
  for (const price of [PRICE, 0n]) {
    await act(callOf(moa.catalog, "list", [EVIL, termsOf(moa, { token, ...at(price) }), contentOf()]));
  }
  await list(moa, { token });
  await list(moa, { token, ...REFUNDABLE });
  await list(moa, { token, refundWindow: 1 });
  await list(moa, { token, keyTtl: DAY });
  await list(moa, { token, pointsPrice: 100 });

  for (const payer of [buyer, rival]) {
    await evil.write.mint([payer.address, FUNDS]);
    await evil.write.approve([moa.exchange.address, FUNDS], by(payer));
  }
  await evil.write.approve([PERMIT2, FUNDS], by(buyer));
  await evil.write.mint([evil.address, FUNDS]);
  for (const spender of [moa.exchange.address, PERMIT2]) {
    await act(callOf(evil, "approve", [spender, maxUint256]));
  }
  for (const ekId of [EVIL_DEAR, HONEST, SHORT, RENEWABLE, FIXED]) {
    await moa.exchange.write.buy([await purchaseOf(rival, { ekId })], by(rival));
  }
  for (const ekId of [HELD, HELD]) {
    await act(callOf(moa.exchange, "buy", [await purchaseOf(evil, { ekId })]));
  }
  await evil.write.mint([moa.cards.address, FUNDS]);
  await moa.cards.write.setDailyCap([token, FUNDS]);
  const charge = [HONEST, 1, buyer.address, PRICE, maxUint256, CHARGE] as const;
  await moa.cards.write.issueForCharge(charge);
  await time.increase(2);
  return { moa, evil };
}
