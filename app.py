"""What Chalice deploys: it registers the functions and decides nothing (each room is its own Lambda)."""

from chalice import Chalice

from chalicelib.accounts.entrypoint import blueprint as accounts
from chalicelib.payments.entrypoint import blueprint as payments
from chalicelib.refunds.entrypoint import blueprint as refunds
from chalicelib.tokens.entrypoint import blueprint as tokens
from chalicelib.transfers.entrypoint import blueprint as transfers

app = Chalice(app_name="tollgate")
for blueprint in (tokens, accounts, payments, refunds, transfers):
    app.register_blueprint(blueprint)
