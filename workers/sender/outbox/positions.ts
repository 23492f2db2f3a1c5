import type { EndpointRow } from "../model/endpoint.ts";
import type { OutboxStore } from "./storage.ts";

/** The row `handed` in meta: the greatest position, and those of the endpoints that lag behind it. */
type SavedPositions = { h: number; lag: Record<string, number> };

/**
 * The seq up to which an endpoint needs nothing of the log any more, by its last answer, which came `at` (unix ms).
 * `before`: an earlier answer.
 */
type Floor = { floor: number; at: number; before?: Omit<Floor, "before"> | undefined };

/** Answers closer together than this tell no pace. */
const PACE_MS = 1000;

/**
 * Position of each endpoint in the log, in memory. One row is stored, `handed`, at most once a LEASE. A position that
 * is lost falls back to that row: the endpoint is then offered events that it has already, and ignores them.
 */
export class Positions {
  readonly #store: OutboxStore;
  /** The seq up to which every matching event was taken: I2 (acked means taken). */
  readonly #acked = new Map<string, number>();
  /** The last seq the endpoint has heard of. Events between `acked` and this did not match its filter. */
  readonly #told = new Map<string, number>();
  readonly #floors = new Map<string, Floor>();
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

  /** Moves an endpoint past events up to `seq` of which none is for it: it is not woken. */
  pass(row: EndpointRow, seq: number): void {
    this.#acked.set(row.id, seq);
  }

  /** Notes that the endpoint has taken everything up to `upTo`. */
  take(row: EndpointRow, upTo: number): void {
    this.tell(row, upTo);
    this.#acked.set(row.id, Math.max(this.acked(row), upTo));
  }

  /** Notes that the endpoint was told of everything up to `upTo`. */
  tell(row: EndpointRow, upTo: number): void {
    this.#told.set(row.id, Math.max(this.told(row), upTo));
  }

  /** The last floor that the endpoint named; its start when it was not asked yet. */
  floor(row: EndpointRow): number {
    return this.#floors.get(row.id)?.floor ?? row.from ?? 0;
  }

  floorKnown(row: EndpointRow): boolean {
    return this.#floors.has(row.id);
  }

  /** Notes the floor that an endpoint has named at `at` (unix ms). */
  noteFloor(row: EndpointRow, floor: number, at: number): void {
    const known = this.#floors.get(row.id);
    const before = known !== undefined && Math.abs(at - known.at) < PACE_MS ? known.before : known;
    this.#floors.set(row.id, { floor, at, before: before && { floor: before.floor, at: before.at } });
  }

  /**
   * Returns the milliseconds until the floor will be at `seq`, at the pace between the last two answers: infinity for an
   * endpoint that stands still, null before its pace is known.
   */
  timeTo(row: EndpointRow, seq: number): number | null {
    const known = this.#floors.get(row.id);
    if (known?.before === undefined) return null;
    const moved = known.floor - known.before.floor;
    return moved <= 0 ? Number.POSITIVE_INFINITY : ((seq - known.floor) * Math.abs(known.at - known.before.at)) / moved;
  }

  /** Has a new endpoint start after `seq`: earlier events that it wants it pulls itself. */
  startAt(id: string, seq: number): void {
    this.#acked.set(id, seq);
    this.#told.set(id, seq);
  }

  /** Has every endpoint go on from the head, as in another log: it reads that from its start by itself. */
  restart(): void {
    this.#floors.clear();
    for (const { id } of this.#store.registry.all()) this.startAt(id, this.#store.log.head);
  }

  forget(id: string): void {
    for (const map of [this.#acked, this.#told, this.#floors]) map.delete(id);
  }

  /**
   * True when everyone has the whole log and that is written down; otherwise I1 (armed while behind) wants an alarm.
   */
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

  /**
   * Returns an endpoint's position when this object started: its own when it lagged, else the greatest, or its start.
   */
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
