/** Many calls in one transaction: a contract whose making makes them. */
import {
  type Account,
  type Address,
  concat,
  createWalletClient,
  type Hash,
  type Hex,
  http,
  numberToHex,
  size,
} from "viem";

export type RawCall = { to: Address; data: Hex };

/**
 * Creation code that makes the calls one after another, whatever becomes of each, and leaves no contract behind. EVM, for each call:
 * CODECOPY its data from behind the code to memory 0, CALL, POP.
 */
function codeFor(calls: readonly RawCall[]): Hex {
  const step = (offset: number, { to, data }: RawCall) =>
    concat([
      ...(["0x61", numberToHex(size(data), { size: 2 })] as const), // PUSH2 length
      ...(["0x61", numberToHex(offset, { size: 2 })] as const), // PUSH2 where in the code
      "0x600039", // PUSH1 0 CODECOPY
      "0x60006000", // no result is kept
      ...(["0x61", numberToHex(size(data), { size: 2 })] as const),
      "0x60006000", // from memory 0, with no value
      ...(["0x73", to] as const), // PUSH20
      "0x5af150", // GAS CALL POP
    ]);
  const end: Hex = "0x60006000f3"; // PUSH1 0 PUSH1 0 RETURN
  const length = calls.reduce((sum, call) => sum + size(step(0, call)), 0) + size(end);
  let offset = length;
  const steps = calls.map((call) => {
    const code = step(offset, call);
    offset += size(call.data);
    return code;
  });
  return concat([...steps, end, ...calls.map(({ data }) => data)]);
}

/** Sends one transaction that makes all the calls. */
export function sendAll(rpcUrl: string, account: Account, calls: readonly RawCall[]): Promise<Hash> {
  return createWalletClient({ transport: http(rpcUrl) }).sendTransaction({
    ...{ account, chain: null, data: codeFor(calls) },
  });
}
