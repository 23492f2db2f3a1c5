import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** A WebSocket client made of bytes (RFC 6455 section 5.2): no other client can ask without reading. */

const OPCODE = { text: 1, close: 8 } as const;
/** The flag of a masked frame. The masking key is all zeros, so the payload stays as it is. */
const MASKED = 0x80;

const SILENCE_MS = 10_000;

/** Everything that a socket received, once it was closed. */
type Heard = { bytes: number; texts: string[]; closed: { code: number; reason: string } | null };

export class RawSocket {
  readonly #socket: Socket;
  readonly #chunks: Buffer[] = [];

  /** Connects and upgrades; after that nothing is read until `hear`. */
  static async open(url: string, headers: Record<string, string> = {}): Promise<RawSocket> {
    const { host, hostname, port, pathname, search } = new URL(url);
    const socket = connect(Number(port), hostname);
    await once(socket, "connect");
    const upgrade = { host, upgrade: "websocket", connection: "Upgrade", ...headers };
    const handshake = { "sec-websocket-version": "13", "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==" };
    const lines = Object.entries({ ...upgrade, ...handshake }).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`GET ${pathname}${search} HTTP/1.1\r\n${lines.join("")}\r\n`);
    const [answer] = (await once(socket, "data")) as [Buffer];
    if (!answer.toString().startsWith("HTTP/1.1 101 ")) throw new Error(answer.toString());
    socket.pause();
    return new RawSocket(socket, answer.subarray(answer.indexOf("\r\n\r\n") + 4));
  }

  private constructor(socket: Socket, rest: Buffer) {
    this.#socket = socket;
    this.#chunks.push(rest);
    socket.on("error", () => {});
  }

  /** Sends a text of at most 125 bytes. */
  send(text: string): void {
    const payload = Buffer.from(text);
    this.#socket.write(
      Buffer.concat([Buffer.from([0x80 | OPCODE.text, MASKED | payload.length, 0, 0, 0, 0]), payload]),
    );
  }

  /** Reads everything up to the close. */
  async hear(): Promise<Heard> {
    this.#socket.setTimeout(SILENCE_MS, () => this.#socket.destroy(new Error("neither data nor a close came")));
    for await (const chunk of this.#socket) {
      this.#chunks.push(chunk as Buffer);
      const heard = framesOf(Buffer.concat(this.#chunks));
      if (heard.closed !== null) {
        this.#socket.destroy();
        return heard;
      }
    }
    return framesOf(Buffer.concat(this.#chunks));
  }
}

function framesOf(bytes: Buffer): Heard {
  const heard: Heard = { bytes: bytes.length, texts: [], closed: null };
  for (let at = 0; at + 2 <= bytes.length; ) {
    const [opcode, short] = [bytes.readUInt8(at) & 0x0f, bytes.readUInt8(at + 1)];
    const header = short === 127 ? 10 : short === 126 ? 4 : 2;
    if (at + header > bytes.length) break;
    const length =
      short === 127 ? Number(bytes.readBigUInt64BE(at + 2)) : short === 126 ? bytes.readUInt16BE(at + 2) : short;
    const payload = bytes.subarray(at + header, at + header + length);
    if (payload.length < length) break;
    if (opcode === OPCODE.text) heard.texts.push(payload.toString());
    if (opcode === OPCODE.close)
      heard.closed = { code: payload.readUInt16BE(0), reason: payload.subarray(2).toString() };
    at += header + length;
  }
  return heard;
}
