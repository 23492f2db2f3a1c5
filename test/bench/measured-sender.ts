import { Endpoint as PlainEndpoint } from "../../workers/sender/endpoint/endpoint.ts";
import { Outbox as PlainOutbox } from "../../workers/sender/outbox/outbox.ts";

/** The sender as it is deployed, whose objects also say how many rows they have written. */

export { default } from "../../workers/sender/index.ts";

export class Outbox extends PlainOutbox {
  stats() {
    return { head: this.store.log.head, rowsWritten: this.store.sql.rowsWritten };
  }
}

export class Endpoint extends PlainEndpoint {
  stats() {
    return { rowsWritten: this.store.sql.rowsWritten };
  }
}
