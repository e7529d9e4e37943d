"""Making a payment: one round trip, decided by conditions and not by reads."""

from dataclasses import replace

from chalicelib.kernel.problems import ACCOUNT_KIND_NOT_ALLOWED, SAME_ACCOUNT, Problem
from chalicelib.ledger.chart import AccountKind, kind_of
from chalicelib.ledger.entry import Entry
from chalicelib.ledger.movements import hold, move
from chalicelib.payments.fees import charge, fee_of, fee_sides
from chalicelib.payments.payment import CAPTURE_WINDOW_MS, PREFIX, Payment, PaymentStatus
from chalicelib.payments.records import making, resource
from chalicelib.payments.reference import taking
from chalicelib.payments.schema import CreatePayment
from chalicelib.store.posting import Side
from chalicelib.web.call import Call, Change, Reply


def create(call: Call) -> Reply:
    """Pay at once, or hold the funds for a later capture; without funds the payment is declined (402)."""
    wanted: CreatePayment = call.body
    _refuse_impossible(wanted)
    manual = wanted.capture == "manual"
    if manual:
        # A hold does not touch the payee, so nothing else would notice that there is none.
        call.require_creditable(wanted.payee, wanted.currency, param="payee")
    payment = _authorized(call, wanted) if manual else _captured(call, wanted)
    return call.commit(
        Change(
            operation="payments.create",
            status=201,
            resource=resource(payment),
            events=("payment.authorized" if manual else "payment.captured",),
            effects=(*making(call.tenant, payment, call.commit_key), *taking(call.tenant, payment)),
            entry=_entry(call, payment),
            sides={
                payment.payer: Side("payer", authority=call.caller.principal),
                payment.payee: Side("payee"),
                **fee_sides(call, payment.payee),
            },
            on_decline=lambda problem: _declined(call, payment, problem),
        )
    )


def _refuse_impossible(wanted: CreatePayment) -> None:
    """Refuse (422) what the ids alone show to be impossible."""
    if wanted.payer == wanted.payee:
        raise Problem(SAME_ACCOUNT, "payer and payee are the same account.", param="payee")
    if kind_of(wanted.payer) is not AccountKind.WALLET:
        raise Problem(ACCOUNT_KIND_NOT_ALLOWED, "The payer must be a wallet.", param="payer")
    if kind_of(wanted.payee) is AccountKind.EXTERNAL:
        raise Problem(ACCOUNT_KIND_NOT_ALLOWED, "Money leaves by transfers only.", param="payee")


def _authorized(call: Call, wanted: CreatePayment) -> Payment:
    return Payment(
        id=call.new_id(PREFIX),
        status=PaymentStatus.AUTHORIZED,
        amount_minor=wanted.amount,
        currency=wanted.currency,
        payer=wanted.payer,
        payee=wanted.payee,
        owner=call.caller.principal,
        created_at=call.now_at,
        capture_before_at=call.now_at + CAPTURE_WINDOW_MS,
        reference=wanted.reference,
        description=wanted.description,
        metadata=wanted.metadata,
    )


def _captured(call: Call, wanted: CreatePayment) -> Payment:
    captured = replace(
        _authorized(call, wanted),
        status=PaymentStatus.CAPTURED,
        captured_minor=wanted.amount,
        capture_before_at=None,
    )
    return captured.charged(fee_of(call, captured.payee), captured.captured_minor)


def _entry(call: Call, payment: Payment) -> Entry:
    payer = call.place(payment.payer)
    if payment.status is PaymentStatus.AUTHORIZED:
        return hold(payer, payment.amount_minor, payment.currency)
    payee = call.place(payment.payee)
    entry = move(payer, payee, payment.amount_minor, payment.currency)
    return charge(call, entry, payee, None, payment)


def _declined(call: Call, payment: Payment, problem: Problem) -> Change:
    """A decline is a commit of its own: the payment exists, in status declined, and moves no money."""
    declined = replace(
        payment,
        status=PaymentStatus.DECLINED,
        captured_minor=0,
        fee_minor=0,
        capture_before_at=None,
        decline_code=problem.kind.code,
    )
    return Change(
        operation="payments.create",
        status=problem.kind.status,
        resource=resource(declined),
        events=("payment.declined",),
        effects=making(call.tenant, declined, call.commit_key),
    )
