from dataclasses import dataclass
@dataclass
class Precision:
    generator: object
    name: str = "float32"
    psnr: float = 99.0
    milliseconds: tuple = (1.0, 1.0)
    says: str = "Drawn in float32."
def chosen(generator, *, psi, pictures=4):
    return Precision(generator)
