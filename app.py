"""What Chalice deploys: it registers the functions and decides nothing (each room is its own Lambda)."""

from chalice import Chalice

from chalicelib.accounts.entrypoint import blueprint as accounts
from chalicelib.clocks.entrypoint import blueprint as clocks
from chalicelib.events.entrypoint import blueprint as events
from chalicelib.keys.entrypoint import blueprint as keys
from chalicelib.payments.entrypoint import blueprint as payments
from chalicelib.projections.entrypoint import blueprint as projections
from chalicelib.refunds.entrypoint import blueprint as refunds
from chalicelib.tokens.entrypoint import blueprint as tokens
from chalicelib.transfers.entrypoint import blueprint as transfers
from chalicelib.verifier.entrypoint import blueprint as verifier

app = Chalice(app_name="tollgate")
for blueprint in (tokens, accounts, payments, refunds, transfers, events, clocks, projections, verifier, keys):
    app.register_blueprint(blueprint)
