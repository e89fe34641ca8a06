"""Who may act."""

from msgspec.structs import replace

from ledger.chain.bindings import participants
from ledger.chain.bindings.structs import Participant
from ledger.indexer.projections.register import known, on
from ledger.indexer.state import UNKNOWN, State


@on(participants.Accredited)
def _accredited(state: State, event: participants.Accredited) -> None:
    state.participants[event.account] = Participant(
        roles=event.roles,
        jurisdiction=event.jurisdiction,
        public_body=event.public_body,
        valid_until=event.valid_until,
        suspended_until=state.participants.get(event.account, UNKNOWN).suspended_until,
    )
    state.ever_held[event.account] = state.ever_held.get(event.account, 0) | event.roles
    state.credentials[event.account] = event.credential


@on(participants.Retired)
def _retired(state: State, event: participants.Retired) -> None:
    participant = state.participants.get(event.account, UNKNOWN)
    state.participants[event.account] = replace(participant, roles=0)


@on(participants.Suspended)
def _suspended(state: State, event: participants.Suspended) -> None:
    participant = state.participants.get(event.account, UNKNOWN)
    state.participants[event.account] = replace(participant, suspended_until=event.until)


@on(participants.Reinstated)
def _reinstated(state: State, event: participants.Reinstated) -> None:
    participant = known(state.participants, event.account, "participant")
    state.participants[event.account] = replace(participant, suspended_until=0)


@on(participants.AuthorityUpdated)
def _participants_authority(state: State, event: participants.AuthorityUpdated) -> None:
    state.authorities["Participants"] = event.authority
