"""A Chalice app whose routes are its own: the emulator serves what `chalice deploy` would."""

from chalice import Chalice

app = Chalice(app_name="shop")


@app.route("/orders/{number}", cors=True)
def order(number):
    return {"order": number, "lines": app.current_request.query_params or {}}


@app.route("/orders", methods=["POST"])
def create():
    return {"created": app.current_request.json_body}
