/** `AgentRegistry`: who is who. */
import type { agentRegistryAbi } from "../../sdk/abis/index.ts";
import {
  ALL_ACTIONS,
  type At,
  asker,
  type Context,
  type Handlers,
  lower,
  NOBODY,
  namesOf,
  told,
} from "../context.ts";

export function replayAgents(c: Context): Handlers<typeof agentRegistryAbi> {
  const { books, script } = c;
  const on = (subject: string, at: At) => asker(c, subject, at);
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
      on(subject, at).is("ROTATION", "from", books.agents.get(tokenId)?.eoa, from);
    },

    Registered({ agentId, agentURI, owner }, at) {
      const subject = agt(agentId);
      script.take(
        "AgentRegistry:Registered",
        { agentId, owner },
        { place: at.place, law: "AGENT_NUMBERS", subject },
      );
      on(subject, at).is("AGENT_NUMBERS", undefined, agt(BigInt(books.agents.size + 1)), subject);
      on(subject, at).is("EOA_ONE_AGENT", "eoa", undefined, books.eoas.get(owner));
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
      on(subject, at).is("ROTATION", "epoch", (agent?.epoch ?? 0) + 1, epoch);
      on(subject, at).is("ROTATION", "from", agent?.eoa, from);
      const last = books.eoas.get(to);
      on(subject, at).holds(
        "EOA_ONE_AGENT",
        last === undefined || (last === agentId && agent?.eoa !== to),
        "to",
        "an EOA of no other agent",
        `${to}, of agent ${last}`,
      );
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
      on(agt(agentId), at).is("ROTATION", "epoch", books.agents.get(agentId)?.epoch, epoch);
      books.consents.set(to, { agentId, epoch, deadline });
    },

    OperatorGranted({ agentId, operator, actions, expiry, epoch }, at) {
      const agent = books.agents.get(agentId);
      const subject = `${agt(agentId)} to ${operator}`;
      on(subject, at).holds("GRANT", (actions & ~ALL_ACTIONS) === 0n, "actions", "known ones", actions);
      on(subject, at).is("GRANT", "epoch", agent?.epoch, epoch);
      // What was never granted can be revoked too, whatever it is.
      const isRevoked = actions === 0n && expiry === 0n;
      on(subject, at).holds(
        "GRANT",
        isRevoked || (operator !== NOBODY && operator !== agent?.eoa),
        "operator",
        "another account than the agent's",
        operator,
      );
      on(subject, at).holds(
        "GRANT",
        actions === 0n || expiry > at.time,
        "expiry",
        `after ${at.time}`,
        expiry,
      );
      agent?.grants.set(lower(operator), { actions, expiry, epoch });
    },

    NonceInvalidated({ owner, nonce }, at) {
      const next = books.nonces.get(owner) ?? 0n;
      on(owner, at).holds("NONCE_ONCE", nonce >= next, "nonce", `${next} or more`, nonce);
      books.nonces.set(owner, nonce + 1n);
    },

    URIUpdated({ agentId, newURI, updatedBy }, at) {
      const agent = books.agents.get(agentId);
      on(agt(agentId), at).is("RIGHT_TO_ACT", "updatedBy", agent?.eoa, updatedBy);
      if (agent) agent.uri = newURI;
    },
  };
}
