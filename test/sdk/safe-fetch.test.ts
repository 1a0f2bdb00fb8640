import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "chai";
import fc from "fast-check";
import { ExchangeError } from "../../sdk/errors.ts";
import { isLoopback, notPublic } from "../../sdk/node/public-address.ts";
import { safeFetch, safeFetchBytes } from "../../sdk/node/safe-fetch.ts";
import { type Lookup, resolveTarget } from "../../sdk/node/safe-url.ts";

/*
a URL that somebody else wrote
├── T45 is refused when it leads inside, however it is written      a canary on this machine sees no hit
├── T45 is resolved once: a name that changes its mind is called where it was checked
├── T45 may redirect only to what could have been asked for itself
├── T48 can't send more bytes, or be slower, than was agreed
└── of this machine is called only when exactly its host and port are allowed
*/
const CANARY = "canary: the inside was reached";

/** Every way to write the inside, with a port that the canary really listens on. */
const corpus = (port: number): string[] => [
  // Loopback: names, decimal, octal, hexadecimal, short and padded forms
  `https://127.0.0.1:${port}/`,
  `https://127.0.0.2:${port}/`,
  `https://127.1:${port}/`,
  `https://127.0.1:${port}/`,
  `https://2130706433:${port}/`,
  `https://017700000001:${port}/`,
  `https://0x7f000001:${port}/`,
  `https://0x7f.0.0.1:${port}/`,
  `https://0177.0.0.1:${port}/`,
  `https://0177.0.0.01:${port}/`,
  `https://0x7f.1:${port}/`,
  `https://127.0.0.1.:${port}/`,
  `https://localhost:${port}/`,
  `https://LOCALHOST:${port}/`,
  `https://localhost.:${port}/`,
  `https://１２７.０.０.１:${port}/`,
  `https://①②⑦.⓪.⓪.①:${port}/`,
  `https://127。0。0。1:${port}/`,
  `https://0:${port}/`,
  `https://0.0.0.0:${port}/`,
  `https://00000000000:${port}/`,
  // IPv6: loopback, unspecified, mapped, compatible, translated, tunnelled
  `https://[::1]:${port}/`,
  `https://[0:0:0:0:0:0:0:1]:${port}/`,
  `https://[::]:${port}/`,
  `https://[::ffff:127.0.0.1]:${port}/`,
  `https://[::ffff:7f00:1]:${port}/`,
  `https://[0:0:0:0:0:ffff:7f00:0001]:${port}/`,
  `https://[::127.0.0.1]:${port}/`,
  `https://[::ffff:0:127.0.0.1]:${port}/`,
  `https://[64:ff9b::127.0.0.1]:${port}/`,
  `https://[64:ff9b::a9fe:a9fe]:${port}/`,
  `https://[64:ff9b:1::7f00:1]:${port}/`,
  `https://[2002:7f00:1::]:${port}/`,
  `https://[2002:a9fe:a9fe::1]:${port}/`,
  `https://[2001:0:0:0:0:0:80ff:fffe]:${port}/`,
  `https://[2001:470:1:1:0:5efe:7f00:1]:${port}/`,
  `https://[2001:470:1:1:200:5efe:a00:1]:${port}/`,
  `https://[fe80::1]:${port}/`,
  `https://[fe80::1%25lo]:${port}/`,
  `https://[fc00::1]:${port}/`,
  `https://[fd00:ec2::254]:${port}/`,
  `https://[fec0::1]:${port}/`,
  `https://[ff02::1]:${port}/`,
  `https://[2001:db8::1]:${port}/`,
  `https://[3fff::1]:${port}/`,
  // Private, link-local and shared networks, metadata services
  `https://10.0.0.1:${port}/`,
  `https://10.255.255.255:${port}/`,
  `https://172.16.0.1:${port}/`,
  `https://172.31.255.255:${port}/`,
  `https://192.168.0.1:${port}/`,
  `https://169.254.169.254:${port}/latest/meta-data/`,
  `https://2852039166:${port}/latest/meta-data/`,
  `https://0xa9fea9fe:${port}/`,
  `https://0251.0376.0251.0376:${port}/`,
  `https://100.64.0.1:${port}/`,
  `https://100.100.100.200:${port}/`,
  `https://168.63.129.16:${port}/`,
  `https://192.0.0.192:${port}/`,
  `https://198.18.0.1:${port}/`,
  `https://224.0.0.1:${port}/`,
  `https://240.0.0.1:${port}/`,
  `https://255.255.255.255:${port}/`,
  `https://192.0.2.1:${port}/`,
  // Names that lead inside, schemes that are none, credentials, ports
  `https://inside.example:${port}/`,
  `https://both.example:${port}/`,
  `https://inside6.example:${port}/`,
  `https://metadata.example:${port}/`,
  `http://127.0.0.1:${port}/`,
  `http://outside.example:${port}/`,
  `https://user:secret@outside.example:${port}/`,
  `https://outside.example@127.0.0.1:${port}/`,
  `https://127.0.0.1:${port}\\@outside.example/`,
  `https:127.0.0.1:${port}/`,
  `https:///127.0.0.1:${port}/`,
  `//127.0.0.1:${port}/`,
  "https://outside.example:22/",
  "https://outside.example:6379/",
  "file:///etc/passwd",
  "gopher://127.0.0.1:6379/_FLUSHALL",
  `ftp://127.0.0.1:${port}/`,
  "data:text/plain,x",
  "javascript:1",
  "jar:https://127.0.0.1!/",
  "unix:/var/run/docker.sock",
  "https://",
  "https://%00/",
  "",
];

const names: Record<string, string[]> = {
  "outside.example": ["93.184.216.34"],
  "inside.example": ["10.1.2.3"],
  "inside6.example": ["::ffff:10.1.2.3"],
  "both.example": ["93.184.216.34", "127.0.0.1"],
  "metadata.example": ["169.254.169.254"],
};
const lookup: Lookup = async (host) => {
  const bare = host.replace(/\.$/, "");
  const found = bare === "localhost" ? ["127.0.0.1"] : names[bare];
  if (!found) throw Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: "ENOTFOUND" });
  return found.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
};

describe("sdk: safe fetch", () => {
  let canary: Server;
  let port: number;
  let hits = 0;
  before(async () => {
    canary = createServer((req, res) => {
      hits += 1;
      if (req.url === "/redirect") return void res.writeHead(302, { location: "http://10.0.0.1/" }).end();
      if (req.url === "/loop") return void res.writeHead(302, { location: "/loop" }).end();
      if (req.url === "/sideways")
        return void res.writeHead(307, { location: `http://127.0.0.1:${port + 1}/` }).end();
      if (req.url === "/twice") return void res.writeHead(301, { location: "/" }).end();
      if (req.url === "/headers") return void res.end(JSON.stringify(req.headers));
      if (req.url === "/silent") return void res.write("x");
      if (req.url === "/never") return;
      if (req.url === "/endless") {
        const more = () =>
          void (!res.destroyed && res.write(Buffer.alloc(65_536))
            ? setImmediate(more)
            : res.once("drain", more));
        return more();
      }
      if (req.url === "/short")
        return void res.writeHead(200, { "content-length": 100 }).write("x", () => res.destroy());
      res.end(CANARY);
    }).listen(0, "127.0.0.1");
    await once(canary, "listening");
    ({ port } = canary.address() as AddressInfo);
  });
  after(async () => {
    canary.closeAllConnections();
    canary.close();
    await once(canary, "close");
  });

  const reasonOf = async (work: Promise<unknown>): Promise<ExchangeError> => {
    const thrown = await work.then(
      () => new Error("It was fetched."),
      (error: unknown) => error,
    );
    if (thrown instanceof ExchangeError) return thrown;
    throw thrown;
  };

  it("T45 nothing inside is reached, however it is written: 0 hits of more than 60 URLs", async () => {
    const urls = corpus(port);
    expect(urls.length).to.be.greaterThan(60);
    hits = 0;
    for (const url of urls) {
      // The port itself is allowed, so that it is the address that is refused.
      const error = await reasonOf(safeFetch(url, { maxBytes: 1000, lookup, ports: [443, port] }));
      expect(error.code, `${url}: ${error.message}`).to.equal("INVALID_REQUEST");
      expect(error.message, "no secret of the URL").not.to.include("secret");
    }
    expect(hits).to.equal(0);
  });

  it("T45 a name that rebinds between check and use is called at the address that was checked, or not at all", async () => {
    hits = 0;
    let asked = 0;
    const rebinding: Lookup = async () => {
      asked += 1;
      return [{ address: asked === 1 ? "93.184.216.34" : "127.0.0.1", family: 4 }];
    };
    const { pinned } = await resolveTarget(`https://rebind.example:${port}/`, {
      lookup: rebinding,
      ports: [port],
    });
    expect([pinned.address, asked]).to.deep.equal(["93.184.216.34", 1]);
    asked = 0;
    // Whether or not there is a network here, the second answer of the name is never asked for.
    await reasonOf(
      safeFetch(`https://rebind.example:${port}/`, {
        maxBytes: 1000,
        lookup: rebinding,
        ports: [port],
        headersMs: 300,
      }),
    );
    expect([asked, hits]).to.deep.equal([1, 0]);
    // The other way round it is refused at once.
    const inward: Lookup = async () => [{ address: "127.0.0.1", family: 4 }];
    const error = await reasonOf(
      safeFetch(`https://rebind.example:${port}/`, { maxBytes: 1000, lookup: inward, ports: [port] }),
    );
    expect(error.details.reason).to.equal("127.0.0.1 is loopback");
    expect(hits).to.equal(0);
  });

  it("connects to the pinned address under the name that was asked for", async () => {
    const pinned: Lookup = async () => [{ address: "127.0.0.1", family: 4 }];
    const { bytes } = await safeFetchBytes(`http://dev.example:${port}/headers`, {
      maxBytes: 10_000,
      lookup: pinned,
      allowLocal: [`dev.example:${port}`],
    });
    expect(JSON.parse(Buffer.from(bytes).toString()).host).to.equal(`dev.example:${port}`);
  });

  it("allows this machine only by exactly its host and port, and only this machine by that", async () => {
    const local = { maxBytes: 1000, allowLocal: [`127.0.0.1:${port}`], lookup };
    const { bytes, status } = await safeFetchBytes(`http://127.0.0.1:${port}/`, local);
    expect([status, Buffer.from(bytes).toString()]).to.deep.equal([200, CANARY]);
    for (const url of [
      `http://127.0.0.2:${port}/`,
      `http://localhost:${port}/`,
      `http://127.0.0.1:${port + 1}/`,
    ])
      expect((await reasonOf(safeFetch(url, local))).code, url).to.equal("INVALID_REQUEST");
    const elsewhere = await reasonOf(
      safeFetch(`http://inside.example:${port}/`, { ...local, allowLocal: [`inside.example:${port}`] }),
    );
    expect(elsewhere.details.reason).to.equal("10.1.2.3 is not on this machine");
  });

  it("T45 checks each redirect like the first URL, and counts them", async () => {
    const local = { maxBytes: 1000, allowLocal: [`127.0.0.1:${port}`] };
    const at = (path: string) => `http://127.0.0.1:${port}${path}`;
    expect((await reasonOf(safeFetch(at("/redirect"), local))).details.reason).to.equal(
      "http: is not https:",
    );
    expect((await reasonOf(safeFetch(at("/sideways"), local))).code).to.equal("INVALID_REQUEST");
    expect((await reasonOf(safeFetch(at("/loop"), local))).details.reason).to.equal(
      "there are too many redirects",
    );
    expect(
      (await reasonOf(safeFetch(at("/twice"), { ...local, maxRedirects: 0 }))).details.reason,
    ).to.include("too many");
    expect((await safeFetchBytes(at("/twice"), local)).url.pathname).to.equal("/");
  });

  it("T48 stops what is too large, too slow or broken off", async () => {
    const local = { maxBytes: 100_000, allowLocal: [`127.0.0.1:${port}`], headersMs: 200, idleMs: 200 };
    const codeOf = async (path: string, maxBytes = local.maxBytes) =>
      (await reasonOf(safeFetchBytes(`http://127.0.0.1:${port}${path}`, { ...local, maxBytes }))).code;
    expect(await codeOf("/endless")).to.equal("PAYLOAD_TOO_LARGE");
    expect(await codeOf("/", 5), "announced").to.equal("PAYLOAD_TOO_LARGE");
    expect(await codeOf("/never")).to.equal("GATEWAY_UNREACHABLE");
    expect(await codeOf("/silent")).to.equal("GATEWAY_UNREACHABLE");
    expect(await codeOf("/short")).to.equal("GATEWAY_UNREACHABLE");
  });

  it("T45 no IPv4 address of the inside is public in any dress, and the outside is", async () => {
    const byte = fc.nat(255);
    const inside = fc.oneof(
      fc.tuple(fc.constant(10), byte, byte, byte),
      fc.tuple(fc.constant(127), byte, byte, byte),
      fc.tuple(fc.constant(192), fc.constant(168), byte, byte),
      fc.tuple(fc.constant(172), fc.integer({ min: 16, max: 31 }), byte, byte),
      fc.tuple(fc.constant(169), fc.constant(254), byte, byte),
    );
    fc.assert(
      fc.property(inside, ([a, b, c, d]) => {
        const dotted = `${a}.${b}.${c}.${d}`;
        const [high, low] = [((a << 8) | b).toString(16), ((c << 8) | d).toString(16)];
        const dresses = [
          dotted,
          `::ffff:${dotted}`,
          `::${dotted}`,
          `64:ff9b::${high}:${low}`,
          `2002:${high}:${low}::1`,
        ];
        return dresses.every((address) => notPublic(address) !== null);
      }),
    );
    for (const address of ["93.184.216.34", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001:81b::200e"])
      expect(notPublic(address), address).to.equal(null);
    expect([
      isLoopback("127.9.9.9"),
      isLoopback("::1"),
      isLoopback("10.0.0.1"),
      isLoopback("x"),
    ]).to.deep.equal([true, true, false, false]);
  });
});
