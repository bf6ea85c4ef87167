/**
 * Places an order, looks at it and cancels it, with types that were generated. Arguments: the
 * addresses of the order service and of the tracking service. Prints the number of the order.
 */
import createClient from "openapi-fetch";
import type { paths as OrderPaths } from "./order.js";
import type { components, paths as TrackingPaths } from "./tracking.js";

const [orderUrl, trackingUrl] = process.argv.slice(2);
const orders = createClient<OrderPaths>({ baseUrl: orderUrl });
const tracking = createClient<TrackingPaths>({ baseUrl: trackingUrl });

function expect(holds: boolean, what: unknown): asserts holds {
  if (!holds) throw new Error(JSON.stringify(what));
}

async function currentStatus(number: string): Promise<components["schemas"]["OrderStatus"]> {
  const { data, error } = await tracking.GET("/orders/{order_number}/status", {
    params: { path: { order_number: number } },
  });
  expect(data !== undefined, error);
  return data.current_status;
}

const placed = await orders.POST("/orders", {
  body: {
    customer_name: "Jane Doe",
    order_type: "takeout",
    items: [{ name: "Margherita Pizza", quantity: 1, price: 15.99 }],
  },
});
expect(placed.data !== undefined, placed.error);
expect(placed.data.status === "received", placed.data);
const number = placed.data.order_number;
const token = placed.response.headers.get("X-Order-Token");
expect(token !== null, "no token");
expect((await currentStatus(number)) === "received", number);

const refused = await orders.POST("/orders/{number}/cancel", {
  params: { path: { number } },
  headers: { "X-Order-Token": "no-token" },
});
expect(refused.response.status === 403 && refused.error?.title === "Forbidden", refused.error);

const cancelled = await orders.POST("/orders/{number}/cancel", {
  params: { path: { number } },
  headers: { "X-Order-Token": token },
  body: { reason: "The guest has left" },
});
expect(cancelled.data?.status === "cancelled", cancelled.error);
expect((await currentStatus(number)) === "cancelled", number);
console.log(number);
