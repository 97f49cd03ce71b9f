"""The game that trains a bundled GAN on a rendered world; one loop for all generators, see `runs` for the command.

Non-saturating logistic loss with lazy R1 (Mescheder et al., ICML 2018; Karras et al., CVPR 2020), or the relativistic
one with R1 and R2 (Huang et al., NeurIPS 2024); equalised rates, style mixing, EMA. The fakes of a step are drawn once,
for the generator and then for the critic. Everything random in a step comes from that step's own generator, so a
resumed run continues as if it had never stopped.
"""

from __future__ import annotations

import copy
import time

import torch
import torch.nn.functional as F
from torch import Tensor

from core import zoo
from core.critics import Critic
from core.generators.base import Generator
from core.generators.stylegan2 import ModulatedConv

from .augment import augmented
from .autoencoder import Encoder, divergence, drawn_from
from .features import encoder_of
from .path_length import EVERY as PATHS_EVERY
from .path_length import SHRINK, PathLength
from .precision import autocast
from .projected import RATE as FEATURE_RATE
from .projected import FeatureCritic
from .recipes import Recipe
from .spectrum import too_colourful, wanted_power
from .teacher import Teacher, distance
from .variety import too_alike, variety

ALONE = 8  # pictures of a batch before the game, one of each class at least: copying wants many steps
BETAS, BETAS_ALONE = (0.0, 0.99), (0.9, 0.99)  # of Adam, in the game and while renders are only copied
R1_EVERY, WARM_UP = 16, 500
TOO_EASY, FOR_STEPS = 0.2, 300  # a critic whose mean loss stays below this for so long gets twice the penalty


class Training:
    """The whole state of a run: networks, optimisers, step and images shown.

    bank: uint8 [n, 3, R, R]; labels [n], where the generator is class-conditional: every class is then shown equally
    often.
    """

    def __init__(
        self, recipe: Recipe, bank: Tensor, labels: Tensor | None = None, *, seed: int = 0, device: str = "cpu"
    ):
        torch.manual_seed(seed)  # initial weights; a training run owns its process
        self.recipe, self.bank, self.device = recipe, bank, torch.device(device)
        self.rows = (
            [torch.arange(len(bank))] if labels is None else [(labels == k).nonzero()[:, 0] for k in labels.unique()]
        )
        self.step_number = self.shown = 0
        self.seconds = 0.0  # of processor time, summed over the threads
        self.warm_from: int | None = None
        self.generator_loss = 0.0
        self.gamma, self.critic_loss, self.easy_steps = recipe.gamma, 1.0, 0
        self.teacher = Teacher(zoo.load(recipe.teacher).to(self.device)) if recipe.teacher else None
        self.colours = wanted_power(bank) if recipe.chroma else None
        self.wanted = variety(bank, self.rows).to(self.device) if recipe.variety else None
        self.paths = PathLength() if recipe.path_length else None
        generator, critic = recipe.generator(recipe.resolution), recipe.critic(recipe.resolution)
        scale_styles(generator, recipe.style_scale)
        self.second = (
            FeatureCritic(encoder_of(recipe.features, recipe.world, recipe.resolution)) if recipe.projected else None
        )
        widths, z_dim = recipe.encoder or critic.channels, generator.z_dim
        named = dict(z_dim=z_dim, classes=generator.classes)
        self.encoder = Encoder(channels=widths, **named) if recipe.autoencode else None
        self.build(generator, critic)

    def build(self, generator: Generator, critic: Critic) -> None:
        """Take these networks, with fresh Adam."""
        layout = dict(device=self.device, memory_format=torch.channels_last)
        self.generator, self.critic = generator.to(**layout), critic.to(**layout)
        self.ema = finished_copy(generator).to(**layout)
        # A network that takes an extra term every k steps learns a little slower (Karras et al. 2020, appendix B).
        lazy = PATHS_EVERY / (PATHS_EVERY + 1) if self.paths else 1.0
        groups = self.groups(lazy)
        if self.encoder:
            groups.append(dict(params=list(self.encoder.to(**layout).parameters())))
        self.optimizer_g = torch.optim.Adam(groups, self.recipe.rate, betas=(BETAS[0], BETAS[1] ** lazy))
        lazy = R1_EVERY / (R1_EVERY + 1)
        groups = [dict(params=list(self.critic.parameters()), relative=lazy)]
        if self.second:
            self.second.to(**layout)
            groups.append(dict(params=list(self.second.judges.parameters()), relative=FEATURE_RATE / self.recipe.rate))
        self.optimizer_d = torch.optim.Adam(groups, self.recipe.rate, betas=(BETAS[0], BETAS[1] ** lazy))

    def groups(self, lazy: float) -> list[dict]:
        """The generator's parameters with their rates; the mapping apart where it has one of its own."""
        faster = self.recipe.mapping_rate
        mapping = list(self.generator.mapping.parameters()) if faster != 1 else []
        apart = {id(parameter) for parameter in mapping}
        groups = [dict(params=[p for p in self.generator.parameters() if id(p) not in apart], relative=lazy)]
        return groups + ([dict(params=mapping, relative=lazy * faster)] if mapping else [])

    def rate_factor(self) -> float:
        left = (self.recipe.images - self.shown) / (0.25 * self.recipe.images)
        warm = 1.0 if self.warm_from is None else min(1.0, (self.step_number - self.warm_from + 1) / WARM_UP)
        return min(1.0, max(0.1, left)) * warm

    def autocast(self):
        return autocast(self.device.type)

    def labels(self, n: int) -> Tensor | None:
        """[n]: the classes in turn; None without classes."""
        return torch.arange(n, device=self.device) % self.generator.classes if self.generator.classes else None

    def reals(self, random: torch.Generator, n: int) -> Tensor:
        picked = (self.rows[i % len(self.rows)] for i in range(n))
        rows = torch.stack([rows[torch.randint(0, len(rows), (), generator=random)] for rows in picked])
        images = self.bank[rows.to(self.bank.device)].to(self.device).float() / 127.5 - 1
        return images.contiguous(memory_format=torch.channels_last)

    def codes(self, random: torch.Generator, n: int) -> tuple[Tensor, Tensor]:
        """Codes [n, slots, dim], some of two noises, and the noise [n, z_dim] of their first slots."""

        def draw() -> Tensor:
            return torch.randn(n, self.generator.z_dim, generator=random).to(self.device)

        z, other, labels = draw(), draw(), self.labels(n)
        if self.encoder:  # half of the pictures are drawn from codes of renders, of which the critic sees other ones
            with torch.no_grad():
                copied = self.encoder(self.reals(random, n // 2), self.labels(n // 2))
                z[: n // 2] = drawn_from(*copied, random).float()
        codes, slots = self.generator.codes(z, label=labels), self.generator.slots
        if slots > 1 and self.recipe.mixing:
            cut = torch.randint(1, slots, (n,), generator=random)
            cut[torch.rand(n, generator=random) >= self.recipe.mixing] = slots
            first = torch.arange(slots) < cut[:, None]
            codes = torch.where(first[:, :, None].to(self.device), codes, self.generator.codes(other, label=labels))
        return codes, z

    def fakes(self, random: torch.Generator, n: int) -> tuple[Tensor, Tensor]:
        """Pictures, and the noise [n, z_dim] that they were drawn from."""
        with self.autocast():
            codes, z = self.codes(random, n)
            return self.generator(codes).contiguous(memory_format=torch.channels_last), z

    def step(self) -> None:
        began = time.process_time()
        alone, random = self.shown < self.recipe.alone, torch.Generator().manual_seed(10**9 + self.step_number)
        n = max(ALONE, len(self.rows)) if alone else self.recipe.batch
        factor = self.rate_factor()
        for group in self.optimizer_g.param_groups + self.optimizer_d.param_groups:
            group["lr"] = self.recipe.rate * group.get("relative", 1.0) * factor
        if self.recipe.alone:
            for group in self.optimizer_g.param_groups:
                group["betas"] = BETAS_ALONE if alone else BETAS
        if alone:
            self.step_copies(random, n)
        else:
            self.step_game(random, n)
        self.average(n)
        self.step_number, self.shown = self.step_number + 1, self.shown + n
        self.seconds += time.process_time() - began

    def step_copies(self, random: torch.Generator, n: int) -> None:
        """Encoder and generator learn to copy renders; the encoder alone where the generator was trained before."""
        loss = self.copies(random, n)
        self.optimizer_g.zero_grad(set_to_none=True)
        loss.backward()
        if self.warm_from is not None:
            self.generator.zero_grad(set_to_none=True)
        self.optimizer_g.step()
        if self.step_number % 25 == 0:
            self.generator_loss = loss.item()

    def step_game(self, random: torch.Generator, n: int) -> None:
        (fake, z), real = self.fakes(random, n), self.reals(random, n)
        shown, real = self.augmented(fake, random), self.augmented(real, random)
        # The generator first: against a critic that had just learned these very fakes, all of them move alike and
        # collapse.
        loss_g = self.step_generator(fake, shown, real, z, random)
        loss_d = self.step_critics(shown.detach(), real, random)
        self.watch(loss_d)
        if self.step_number % 25 == 0:
            self.generator_loss = loss_g

    def step_generator(self, fake: Tensor, shown: Tensor, real: Tensor, z: Tensor, random: torch.Generator) -> float:
        """One step against the critics as they are; `shown` and `real` are what critics see. Returns the loss."""
        labels = self.labels(len(fake))
        self.critic.requires_grad_(False)
        with self.autocast():
            better = self.critic(shown, labels)
            if self.recipe.relativistic:
                with torch.no_grad():
                    theirs = self.critic(real, labels)
                better = better - theirs
            loss = F.softplus(-better).mean() + self.strayed(fake, z) + self.alike(fake) + self.woven(fake)
            if self.second:
                self.second.judges.requires_grad_(False)
                loss = loss + self.recipe.projected * self.second.generator_loss(shown)
        if self.encoder:
            loss = loss + self.copies(random, len(fake) // 2)
        self.optimizer_g.zero_grad(set_to_none=True)
        loss.backward()
        if self.paths and self.step_number % PATHS_EVERY == 0:
            self.path_penalty(random).backward()
        self.optimizer_g.step()
        return loss.item()

    def path_penalty(self, random: torch.Generator) -> Tensor:
        """In float32, times the steps it stands for."""
        codes, _ = self.codes(random, self.recipe.batch // SHRINK)
        return self.paths.penalty(self.generator, codes, random) * (self.recipe.path_length * PATHS_EVERY)

    def step_critics(self, fake: Tensor, real: Tensor, random: torch.Generator) -> float:
        """One step of both critics on what they are shown. Returns the loss of the first, without the penalty."""
        labels = self.labels(len(fake))
        self.critic.requires_grad_(True)
        with self.autocast():
            theirs, ours = self.critic(real, labels), self.critic(fake, labels)
        if self.recipe.relativistic:
            loss = F.softplus(ours - theirs).mean()
        else:
            loss = F.softplus(ours).mean() + F.softplus(-theirs).mean()
        self.optimizer_d.zero_grad(set_to_none=True)
        loss.backward()
        if self.second:
            self.second.judges.requires_grad_(True)
            with self.autocast():
                second = self.second.critic_loss(fake, real)
            second.backward()
        if self.step_number % R1_EVERY == 0:
            self.penalty(self.augmented(self.reals(random, len(fake)), random)).backward()
            if self.recipe.relativistic:
                self.penalty(fake.float()).backward()
        self.optimizer_d.step()
        return loss.item()

    def augmented(self, images: Tensor, random: torch.Generator) -> Tensor:
        """As the critics see them."""
        shown = augmented(images, self.recipe.augment, random)
        return shown.contiguous(memory_format=torch.channels_last)

    def strayed(self, fake: Tensor, z: Tensor) -> Tensor | float:
        """How far the pictures are from the teacher's, times `anchor`: a game alone taught all faces one artefact."""
        if self.teacher is None:
            return 0.0
        with torch.no_grad():
            theirs = self.teacher(z).float().clamp(-1.2, 1.2)
        return self.recipe.anchor * distance(fake.float(), theirs)

    def copies(self, random: torch.Generator, n: int) -> Tensor:
        """How far renders are from what their codes draw, times `autoencode`, the codes from N(0, 1), and `woven`."""
        real, labels = self.reals(random, n), self.labels(n)
        with self.autocast():
            mean, log_variance = self.encoder(real, labels)
            codes = self.generator.codes(drawn_from(mean, log_variance, random), label=labels)
            drawn = self.generator(codes).float()
        grown = min(1.0, max(0.1, self.shown / self.recipe.alone)) if self.recipe.alone else 1.0
        apart = grown * self.recipe.divergence * divergence(mean, log_variance)
        return self.recipe.autoencode * distance(drawn, real) + apart + self.woven(drawn)

    def alike(self, fake: Tensor) -> Tensor | float:
        """How much closer pictures of a class are than its renders, times `variety`; 0 without classes to compare."""
        return 0.0 if self.wanted is None else self.recipe.variety * too_alike(fake, self.wanted)

    def woven(self, fake: Tensor) -> Tensor | float:
        """By how much colours are stronger than those of renders at some frequency, times `chroma`."""
        return 0.0 if self.colours is None else self.recipe.chroma * too_colourful(fake.float(), self.colours)

    def watch(self, loss: float) -> None:
        """Double gamma where the critic has had it too easy:
        its gradient then teaches one artefact to every picture.
        """
        self.critic_loss += 0.01 * (loss - self.critic_loss)
        self.easy_steps = self.easy_steps + 1 if self.critic_loss < TOO_EASY else 0
        if self.easy_steps >= FOR_STEPS:
            self.gamma, self.easy_steps = 2 * self.gamma, 0

    def penalty(self, images: Tensor) -> Tensor:
        """R1 of renders, R2 of fakes: gamma / 2 |grad D(x)|^2, in float32, times the steps it stands for."""
        images = images.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(
            self.critic(images, self.labels(len(images))).sum(), images, create_graph=True
        )
        return gradient.square().sum((1, 2, 3)).mean() * (self.gamma / 2 * R1_EVERY)

    @torch.no_grad()
    def average(self, n: int) -> None:
        half_life = max(1.0, min(10_000, 0.05 * self.shown))
        weight = 1 - 0.5 ** (n / half_life)
        torch._foreach_lerp_(list(self.ema.parameters()), list(self.generator.parameters()), weight)

    def state_dict(self) -> dict:
        return dict(
            generator=self.generator.state_dict(),
            ema=self.ema.state_dict(),
            critic=self.critic.state_dict(),
            optimizer_g=self.optimizer_g.state_dict(),
            optimizer_d=self.optimizer_d.state_dict(),
            second=self.second.state_dict() if self.second else None,
            encoder=self.encoder.state_dict() if self.encoder else None,
            path_length=self.paths.mean if self.paths else 0.0,
            step=self.step_number,
            shown=self.shown,
            seconds=self.seconds,
            warm_from=self.warm_from,
            gamma=self.gamma,
            critic_loss=self.critic_loss,
            easy_steps=self.easy_steps,
        )

    def load_state_dict(self, state: dict) -> None:
        for name in ("generator", "ema", "critic", "optimizer_g", "optimizer_d"):
            getattr(self, name).load_state_dict(state[name])
        self.step_number, self.shown, self.warm_from = state["step"], state["shown"], state["warm_from"]
        self.gamma, self.critic_loss, self.easy_steps = state["gamma"], state["critic_loss"], state["easy_steps"]
        self.seconds = state.get("seconds", 0.0)
        if self.second:
            self.second.load_state_dict(state["second"])
        if self.encoder:
            self.encoder.load_state_dict(state["encoder"])
        if self.paths:
            self.paths.mean = state["path_length"]

    def warm_start(self, generator: Generator, critic: Critic, *, step: int, shown: int) -> None:
        """Go on from bundled files: fresh Adam, rates warmed up over 500 steps."""
        self.build(generator.train().requires_grad_(True), critic.train().requires_grad_(True))
        self.step_number, self.shown, self.warm_from = step, shown, step


@torch.no_grad()
def scale_styles(generator: Generator, factor: float) -> None:
    """Multiply the weights of all style maps; their biases stay."""
    for convolution in generator.modules():
        if isinstance(convolution, ModulatedConv):
            convolution.affine.weight.mul_(factor)


def finished_copy(generator: Generator) -> Generator:
    return copy.deepcopy(generator).eval().requires_grad_(False)
