"""Places an order, looks at it and cancels it, with clients that were generated.

Arguments: the folder of the generated packages, and the addresses of the order service and of the
tracking service. Prints the number of the order.
"""

import sys

folder, order_url, tracking_url = sys.argv[1:]
sys.path.insert(0, folder)

from order_client import AuthenticatedClient, Client  # noqa: E402
from order_client.api.orders import cancel_order, place_order  # noqa: E402
from order_client.models import (  # noqa: E402
    Cancellation,
    OrderLine,
    OrderStatus,
    TakeoutOrder,
    TakeoutOrderOrderType,
)
from tracking_client import Client as TrackingClient  # noqa: E402
from tracking_client.api.orders import status  # noqa: E402
from tracking_client.models import OrderStatus as TrackedStatus  # noqa: E402


def current_status(number: str) -> TrackedStatus:
    answer = status.sync_detailed(number, client=TrackingClient(base_url=tracking_url))
    assert answer.status_code == 200, answer
    return answer.parsed.current_status


order = TakeoutOrder(
    customer_name="Jane Doe",
    order_type=TakeoutOrderOrderType.TAKEOUT,
    items=[OrderLine(name="Margherita Pizza", quantity=1, price=15.99)],
)
placed = place_order.sync_detailed(client=Client(base_url=order_url), body=order)
assert placed.status_code == 200, placed
assert placed.parsed.status == OrderStatus.RECEIVED, placed
number = placed.parsed.order_number
assert current_status(number) is TrackedStatus.RECEIVED

refused = cancel_order.sync_detailed(
    number,
    client=AuthenticatedClient(base_url=order_url, token="no-token", prefix="", auth_header_name="X-Order-Token"),
    body=Cancellation(reason="The guest has left"),
)
assert refused.status_code == 403, refused
assert refused.parsed.title == "Forbidden", refused

owner = AuthenticatedClient(
    base_url=order_url,
    token=placed.headers["X-Order-Token"],
    prefix="",
    auth_header_name="X-Order-Token",
)
cancelled = cancel_order.sync_detailed(number, client=owner, body=Cancellation(reason="The guest has left"))
assert cancelled.status_code == 200, cancelled
assert cancelled.parsed.status == OrderStatus.CANCELLED, cancelled
assert current_status(number) is TrackedStatus.CANCELLED
print(number)
