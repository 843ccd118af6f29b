"""The proof of one rollout: that a service becomes ready, passes its checks, and stays so; what is known where not."""

from __future__ import annotations

from dataclasses import dataclass

from dreamnet_actions.domain.evidence import Evidence
from dreamnet_actions.domain.release import Release, ServiceState
from dreamnet_actions.domain.spec.metrics import only_load
from dreamnet_actions.domain.spec.models import ReleaseRules, Service
from dreamnet_actions.errors import DreamNetError
from dreamnet_actions.keepers.context import Context
from dreamnet_actions.keepers.deploykeeper.steadiness import Steady, stays
from dreamnet_actions.keepers.deploykeeper.watching import Watched, Watching
from dreamnet_actions.keepers.examination import Examination, Examined
from dreamnet_actions.ports.platform import Platform
from dreamnet_actions.ports.probe import Probe


@dataclass(frozen=True, kw_only=True)
class Proof:
    """Looks at one service by its platform and its checks."""

    context: Context
    service: str
    spec: Service
    platform: Platform
    probe: Probe

    @property
    def rules(self) -> ReleaseRules:
        """The service's rules for releases, or the defaults."""
        return self.spec.release or ReleaseRules()

    def settled(self, before: ServiceState | None = None, *, required: float = 1.0) -> Watched:
        """Watch until the service is as wanted, or the share ``required`` of it is ready. ``before``: what was seen of
        this same release before."""
        return Watching(context=self.context).until_settled(
            self.platform,
            self.service,
            within=self.rules.ready_within,
            required=required,
            known=before.stable.failure if before else None,
        )

    def steady(self, release: Release, watched: Watched) -> Steady:
        """Begin to notice what falls of a release that is ready."""
        now = self.context.clock.monotonic()
        steady = Steady(version=release.version, since=now)
        steady.look(watched.state, now)
        return steady

    def stays(self, steady: Steady) -> Watched:
        """Watch until the release's soak is over, or something of it has fallen."""
        return stays(
            Watching(context=self.context),
            self.platform,
            self.service,
            steady,
            soak=self.rules.soak,
            within=self.rules.ready_within,
            required=self.rules.required,
        )

    def by_checks(self, steady: Steady | None = None) -> tuple[bool, Examined]:
        """Watch the service's checks, for as long as nothing falls; more load than its replicas should carry is no
        fault of the release."""
        clock = self.context.clock
        well, examined = Examination(context=self.context, probe=self.probe).recovered(
            self.service,
            self.spec,
            self.rules.ready_within,
            broken=lambda state: steady is not None and steady.look(state, clock.monotonic()),
        )
        wrong = [one.check for one in examined.reports if one.status != "passed"]
        overload = examined.health == "degraded" and all(only_load(self.spec, one) for one in wrong)
        return well or overload, examined

    def evidence(self, state: ServiceState | None) -> Evidence | None:
        """Ask the platform what it knows of the replica that is worst; that it cannot say is no trouble."""
        try:
            return self.platform.evidence(self.service, canary=bool(state and state.canary))
        except DreamNetError:
            return None
