import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { eventBody } from "../../../workers/sender/model/event-body.ts";
import { payloadOf } from "../../../workers/sender/model/payload.ts";

const AT = Date.UTC(2026, 0, 31, 12);
const parcel = (data: string) => ({ seq: 1, id: "msg_a", body: eventBody("order.paid", AT, data) });

describe("payloadOf", () => {
  it("sends the stored body as it is", () => {
    const { body } = parcel("{}");
    expect(payloadOf(parcel("{}"), "standard")).toEqual({ body, contentType: "application/json" });
  });

  it.each([
    "9007199254740993",
    "1.10",
    "-0",
    '{"b":1,"a":2,"a":3}',
    '"\\u20ac"',
    "[1, 2]",
    '{"data":{"timestamp":"x"}}',
  ])("keeps the text of the data in each form: %s", (data) => {
    expect(payloadOf(parcel(data), "data")).toEqual({ body: data, contentType: "application/json" });
    const { body, contentType } = payloadOf(parcel(data), "cloudevents");
    expect(contentType).toBe("application/cloudevents+json");
    expect(body.endsWith(`,"data":${data}}`)).toBe(true);
  });

  it("makes a CloudEvent with the attributes that are required, and the time of the event", () => {
    fc.assert(
      fc.property(fc.json(), (data) => {
        expect(JSON.parse(payloadOf(parcel(data), "cloudevents").body)).toEqual({
          ...{ specversion: "1.0", id: "msg_a", source: "urn:webhooks:default", type: "order.paid" },
          ...{ time: "2026-01-31T12:00:00.000Z", datacontenttype: "application/json", data: JSON.parse(data) },
        });
      }),
    );
  });
});
