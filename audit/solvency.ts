/** Whether the contracts hold what they owe. */
import { type Address, erc20Abi } from "viem";
import { type Books, vaultName } from "./books.ts";
import type { Context } from "./context.ts";
import { each, type Node } from "./node.ts";

const AT_ONCE = 100;

const total = (amounts: Iterable<bigint>) => [...amounts].reduce((sum, amount) => sum + amount, 0n);
const isOpen = ({ status }: { status: number }) => status === 1 || status === 2;

/** What the exchange owes in a token: open orders, credits, bounties. */
function owedIn(books: Books, token: Address): bigint {
  const termsOf = (keyId: bigint) =>
    books.listings.get(keyId >> 96n)?.versions[(books.keys.get(keyId)?.version ?? 0) - 1]?.terms;
  const escrow = total(
    [...books.orders]
      .filter(([keyId, order]) => isOpen(order) && termsOf(keyId)?.token === token)
      .map(([, order]) => order.amount),
  );
  const owed = total(
    [...books.credits].filter(([credit]) => credit.endsWith(` ${token}`)).map(([, amount]) => amount),
  );
  return escrow + owed + total([...books.listings.values()].map(({ bounties }) => bounties.get(token) ?? 0n));
}

/** Asks whether each contract holds what it owes, in tokens and in the chain's coin, and no more but for gifts. */
export async function checkSolvency(
  node: Node,
  { books, findings, constants }: Context,
  block: bigint,
): Promise<void> {
  const { contracts, bondToken, challengeStake } = constants;
  const stakes = [...books.challenges.values()].filter(({ status }) => status <= 3).length;
  const bonded = total([...books.bonds.values()].map(({ bonded, unbonding }) => bonded + unbonding));
  const vaults = [
    ...[...books.tokens.keys()].map((token) => ({
      holder: contracts.Exchange,
      token,
      owed: owedIn(books, token),
    })),
    {
      ...{ holder: contracts.ValidatorBonds, token: bondToken },
      owed: bonded + total(books.bondCredits.values()) + books.burnt + BigInt(stakes) * challengeStake,
    },
  ];
  await each(vaults, AT_ONCE, async ({ holder, token, owed }) => {
    const args = [holder] as const;
    const balance = await node.client.readContract({
      address: token,
      abi: erc20Abi,
      functionName: "balanceOf",
      args,
      blockNumber: block,
    });
    const subject = vaultName(holder, token);
    findings.check("SOLVENT", balance >= owed, () => ({
      subject,
      field: "balance",
      expected: `${owed} at least`,
      said: balance,
    }));
    const expected = owed + (books.donations.get(subject) ?? 0n);
    findings.equal("SOLVENT", { subject, field: "balance", expected, said: balance });
  });
  const desks = [
    {
      address: contracts.Disputes,
      owed:
        total(books.disputeCredits.values()) +
        total(
          [...books.disputes.values()]
            .filter(({ status }) => status !== 4)
            .map((d) => d.buyerFee + d.sellerFee - d.spent),
        ),
    },
    {
      address: contracts.ValidatorBonds,
      owed:
        total(books.feeCredits.values()) + total([...books.challenges.values()].map(({ pot }) => pot ?? 0n)),
    },
    {
      address: contracts.HouseArbitrator,
      owed: total(books.courtCredits.values()) + total([...books.cases.values()].map(({ fee }) => fee)),
    },
  ];
  await each(desks, AT_ONCE, async ({ address, owed }) => {
    const balance = await node.client.getBalance({ address, blockNumber: block });
    findings.check("SOLVENT", balance >= owed, () => ({
      subject: `${address} in wei`,
      field: "balance",
      expected: `${owed} at least`,
      said: balance,
    }));
  });
}
