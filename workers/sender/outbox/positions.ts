import type { EndpointRow } from "../model/endpoint.ts";
import type { OutboxStore } from "./storage.ts";

/** `handed` in meta: the position of all, and of those that lag behind it. */
type SavedPositions = { h: number; lag: Record<string, number> };

/**
 * How far each endpoint has been handed the log. All of it is memory; what survives is one row, `handed`,
 * written once a LEASE. A cursor that is lost falls back to it, and what is then offered again the endpoint
 * already has.
 */
export class Positions {
  readonly #store: OutboxStore;
  /** Up to where every matching event was taken; I2. */
  readonly #acked = new Map<string, number>();
  /**
   * `upTo` of the last answered offer or pull: what the endpoint can be taken to know of. Between it and `acked`
   * there was nothing for the endpoint, or its next offer would leave events out.
   */
  readonly #told = new Map<string, number>();
  #written: string;
  readonly #start: SavedPositions;

  constructor(store: OutboxStore) {
    this.#store = store;
    this.#start = store.meta.get<SavedPositions>("handed") ?? { h: 0, lag: {} };
    this.#written = JSON.stringify(this.#start);
  }

  acked(row: EndpointRow): number {
    return this.#acked.get(row.id) ?? this.#startOf(row);
  }

  told(row: EndpointRow): number {
    return this.#told.get(row.id) ?? this.#startOf(row);
  }

  lags(row: EndpointRow): boolean {
    return this.acked(row) < this.#store.log.head;
  }

  /** There is nothing for the endpoint up to `seq`: it is not woken, and its position still advances. */
  pass(row: EndpointRow, seq: number): void {
    this.#acked.set(row.id, seq);
  }

  /** The endpoint has taken everything up to `upTo`. */
  take(row: EndpointRow, upTo: number): void {
    this.tell(row, upTo);
    this.#acked.set(row.id, Math.max(this.acked(row), upTo));
  }

  /** The endpoint was told of everything up to `upTo`. */
  tell(row: EndpointRow, upTo: number): void {
    this.#told.set(row.id, Math.max(this.told(row), upTo));
  }

  /** An endpoint starts after `seq`: what it missed before that, it pulls itself. */
  startAt(id: string, seq: number): void {
    this.#acked.set(id, seq);
    this.#told.set(id, seq);
  }

  forget(id: string): void {
    for (const map of [this.#acked, this.#told]) map.delete(id);
  }

  /** Whether everything in the log was handed to everyone and that was written down; else I1 wants an alarm. */
  get settled(): boolean {
    return (
      !this.#store.registry.enabled().some((row) => this.lags(row)) && JSON.stringify(this.#state()) === this.#written
    );
  }

  /** Writes the positions down when they moved. */
  save(): void {
    const state = JSON.stringify(this.#state());
    if (state === this.#written) return;
    this.#store.meta.set("handed", JSON.parse(state));
    this.#written = state;
  }

  /** Where an endpoint stood when this object started: behind all others, with them, or new since. */
  #startOf(row: EndpointRow): number {
    return this.#start.lag[row.id] ?? Math.max(this.#start.h, row.from ?? 0);
  }

  #state(): SavedPositions {
    const rows = this.#store.registry.all().filter(({ state }) => state === "live");
    const positions = rows.map((row) => [row.id, this.acked(row)] as const);
    const h = positions.length === 0 ? this.#store.log.head : Math.max(...positions.map(([, acked]) => acked));
    return { h, lag: Object.fromEntries(positions.filter(([, acked]) => acked < h)) };
  }
}
