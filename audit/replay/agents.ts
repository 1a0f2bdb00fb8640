/** `AgentRegistry`: who is who. */
import type { agentRegistryAbi } from "../../sdk/abis/index.ts";
import { ALL_ACTIONS, type Context, type Handlers, lower, NOBODY, namesOf, told } from "../context.ts";

export function replayAgents(c: Context): Handlers<typeof agentRegistryAbi> {
  const { books, findings, script } = c;
  const { agt } = namesOf(c.constants.chainId);
  return {
    Approval: told, // refused by the registry
    ApprovalForAll: told,
    BatchMetadataUpdate: told,
    EIP712DomainChanged: told,
    MetadataUpdate: told,
    MetadataSet: told, // agentWallet is the EOA, which other events tell; the rest are the agent's own words

    Transfer({ from, to, tokenId }, at) {
      const subject = agt(tokenId);
      if (from === NOBODY) {
        const values = { owner: to };
        script.promise({
          law: "AGENT_NUMBERS",
          events: ["AgentRegistry:Registered"],
          subject,
          match: { agentId: tokenId },
          values,
        });
        return;
      }
      const values = { from, to };
      script.promise({
        law: "ROTATION",
        events: ["AgentRegistry:AgentRotated"],
        subject,
        match: { agentId: tokenId },
        values,
      });
      findings.equal("ROTATION", {
        subject,
        field: "from",
        expected: books.agents.get(tokenId)?.eoa,
        said: from,
        place: at.place,
      });
    },

    Registered({ agentId, agentURI, owner }, at) {
      const subject = agt(agentId);
      script.take(
        "AgentRegistry:Registered",
        { agentId, owner },
        { place: at.place, law: "AGENT_NUMBERS", subject },
      );
      findings.equal("AGENT_NUMBERS", {
        subject,
        expected: agt(BigInt(books.agents.size + 1)),
        said: subject,
        place: at.place,
      });
      findings.equal("EOA_ONE_AGENT", {
        subject,
        field: "eoa",
        expected: undefined,
        said: books.eoas.get(owner),
        place: at.place,
      });
      books.agents.set(agentId, {
        eoa: owner,
        epoch: 0,
        past: [],
        uri: agentURI,
        grants: new Map(),
        joinedAt: at.time,
      });
      books.eoas.set(owner, agentId);
    },

    AgentRotated({ agentId, from, to, epoch, by }, at) {
      const subject = agt(agentId);
      const place = at.place;
      script.take("AgentRegistry:AgentRotated", { agentId, from, to }, { place, law: "ROTATION", subject });
      const agent = books.agents.get(agentId);
      findings.equal("ROTATION", {
        subject,
        field: "epoch",
        expected: (agent?.epoch ?? 0) + 1,
        said: epoch,
        place,
      });
      findings.equal("ROTATION", { subject, field: "from", expected: agent?.eoa, said: from, place });
      const last = books.eoas.get(to);
      findings.check("EOA_ONE_AGENT", last === undefined || (last === agentId && agent?.eoa !== to), () => ({
        ...{
          subject,
          field: "to",
          expected: "an EOA of no other agent",
          said: `${to}, of agent ${last}`,
          place,
        },
      }));
      const consent = books.consents.get(to);
      const consented =
        consent?.agentId === agentId && consent.epoch === agent?.epoch && consent.deadline >= at.time;
      books.rotations.push({ agentId, from, to, by, epoch, consented, place });
      books.eoas.set(to, agentId);
      if (!agent) return;
      agent.past.push(from);
      Object.assign(agent, { eoa: to, epoch });
    },

    RotationConsented({ agentId, to, epoch, deadline }, at) {
      findings.equal("ROTATION", {
        ...{ subject: agt(agentId), field: "epoch", said: epoch, place: at.place },
        expected: books.agents.get(agentId)?.epoch,
      });
      books.consents.set(to, { agentId, epoch, deadline });
    },

    OperatorGranted({ agentId, operator, actions, expiry, epoch }, at) {
      const agent = books.agents.get(agentId);
      const subject = `${agt(agentId)} to ${operator}`;
      const place = at.place;
      findings.check("GRANT", (actions & ~ALL_ACTIONS) === 0n, () => ({
        subject,
        field: "actions",
        expected: "known ones",
        said: actions,
        place,
      }));
      findings.equal("GRANT", { subject, field: "epoch", expected: agent?.epoch, said: epoch, place });
      // What was never granted can be revoked too, whatever it is.
      const isRevoked = actions === 0n && expiry === 0n;
      findings.check("GRANT", isRevoked || (operator !== NOBODY && operator !== agent?.eoa), () => ({
        ...{
          subject,
          field: "operator",
          expected: "another account than the agent's",
          said: operator,
          place,
        },
      }));
      findings.check("GRANT", actions === 0n || expiry > at.time, () => ({
        ...{ subject, field: "expiry", expected: `after ${at.time}`, said: expiry, place },
      }));
      agent?.grants.set(lower(operator), { actions, expiry, epoch });
    },

    NonceInvalidated({ owner, nonce }, at) {
      const next = books.nonces.get(owner) ?? 0n;
      findings.check("NONCE_ONCE", nonce >= next, () => ({
        subject: owner,
        field: "nonce",
        expected: `${next} or more`,
        said: nonce,
        place: at.place,
      }));
      books.nonces.set(owner, nonce + 1n);
    },

    URIUpdated({ agentId, newURI, updatedBy }, at) {
      const agent = books.agents.get(agentId);
      findings.equal("RIGHT_TO_ACT", {
        subject: agt(agentId),
        field: "updatedBy",
        expected: agent?.eoa,
        said: updatedBy,
        place: at.place,
      });
      if (agent) agent.uri = newURI;
    },
  };
}
