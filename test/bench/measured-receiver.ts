import { Inbox as PlainInbox } from "../../workers/receiver/inbox/inbox.ts";

/** The receiver as it is deployed, whose Inbox also says how many rows it has written. */

export { default } from "../../workers/receiver/index.ts";

export class Inbox extends PlainInbox {
  stats() {
    return { head: this.memory.state.next - 1, rowsWritten: this.memory.store.sql.rowsWritten };
  }
}
