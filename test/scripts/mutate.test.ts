/**
 * mutate
 * ├── mutationsOf      each kind of fault where it belongs, none in assembly, and every one a program or at least well-formed
 * └── selectMutants    the same for the same seed, every file and many operators in it
 */
import { createRequire } from "node:module";
import { expect } from "chai";
import { type Mutation, mutationsOf, type Node } from "../../scripts/mutate/mutations.ts";
import { selectMutants } from "../../scripts/mutate/select.ts";

const SOURCE = `// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;
contract C {
    // naïve + comment: not to be changed < ever
    uint256 constant CAP = 10;
    uint256 n;
    error E(uint256 a, uint256 b);
    event L(uint256 a, uint256 b);
    modifier onlyOwner() { _; }
    function f(uint256 a, uint256 b) external onlyOwner returns (bool) {
        if (a > CAP) revert E(a, b);
        if (a == 1 days && !(b < 3)) { n += a; } else { n = b - 1; }
        emit L(a, b);
        g(a, b);
        n++;
        assembly { n.slot := add(1, 2) }
        return a > b ? true : false;
    }
    function g(uint256 a, uint256) internal { delete n; n = a > type(uint128).max ? 0 : a; }
}
`.replace("assembly { n.slot := add(1, 2) }", "assembly { pop(add(1, 2)) }");

type Output = { sources: Record<string, { ast: Node }>; errors?: { severity: string; type: string }[] };

function compile(content: string): Output {
  const solc = createRequire(import.meta.url)("solc") as { compile(input: string): string };
  const settings = { outputSelection: { "*": { "": ["ast"] } } };
  const input = { language: "Solidity", sources: { "C.sol": { content } }, settings };
  return JSON.parse(solc.compile(JSON.stringify(input))) as Output;
}

describe("mutate", function () {
  this.timeout(60_000);
  const source = Buffer.from(SOURCE, "utf8");
  let mutations: Mutation[];
  before(() => {
    mutations = mutationsOf(compile(SOURCE).sources["C.sol"]?.ast as Node, source);
  });
  const apply = ({ start, end, replacement }: Mutation) =>
    Buffer.concat([source.subarray(0, start), Buffer.from(replacement), source.subarray(end)]).toString(
      "utf8",
    );

  it("finds each kind of fault, and none in comments and assembly", () => {
    const found = mutations.map(
      ({ where, operator, start, end, replacement }) =>
        `${where} ${operator}: ${source.subarray(start, end)} → ${replacement}`,
    );
    for (const expected of [
      "C number + 1: 10 → 11",
      "C number - 1: 10 → 9",
      "f drop onlyOwner: onlyOwner → ",
      "f drop check: if (a > CAP) revert E(a, b); → {}",
      "f > to >=:  >  →  >= ",
      "f swap arguments: a, b → b, a",
      "f number + 1: 1 days → 2 days",
      "f drop !: !(b < 3) → (b < 3)",
      "f && to ||:  &&  →  || ",
      "f += to -=:  +=  →  -= ",
      "f drop assignment: n += a; → {}",
      "f - to +:  -  →  + ",
      "f drop emit: emit L(a, b); → {}",
      "f drop call: g(a, b); → {}",
      "f drop step: n++; → {}",
      "f flip bool: true → false",
      "f swap branches: true : false → false : true",
      "g drop step: delete n; → {}",
      "g max - 1: type(uint128).max → (type(uint128).max - 1)",
    ]) {
      expect(found).to.include(expected);
    }
    const [from, to] = [SOURCE.indexOf("assembly"), SOURCE.indexOf("return a > b")];
    expect(mutations.filter(({ start }) => start > from && start < to)).to.deep.equal([]);
  });

  it("changes the program and leaves it well-formed", () => {
    for (const mutation of mutations) {
      const faulty = apply(mutation);
      expect(faulty).not.to.equal(SOURCE);
      const syntax = (compile(faulty).errors ?? []).filter(({ type }) => type === "ParserError");
      expect(syntax, `${mutation.where} ${mutation.operator}`).to.deep.equal([]);
    }
  });

  it("selects the same by the same seed, from every file, and mixes the operators", () => {
    const candidates = new Map([
      ["a.sol", { source, mutations }],
      ["b.sol", { source, mutations: mutations.slice(0, 3) }],
    ]);
    const chosen = selectMutants(candidates, { count: 12, seed: 1 });
    expect(chosen).to.deep.equal(selectMutants(candidates, { count: 12, seed: 1 }));
    expect(chosen).not.to.deep.equal(selectMutants(candidates, { count: 12, seed: 2 }));
    expect(chosen.filter(({ file }) => file === "b.sol")).to.have.length(3);
    expect(new Set(chosen.map(({ operator }) => operator)).size).to.be.greaterThan(8);
    expect(chosen.map(({ index }) => index)).to.deep.equal(chosen.map((_, i) => i));
  });
});
