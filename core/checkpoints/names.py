"""Which names of a pickle would act: run a program, open a file, fetch code. No file of weights has one of them.

Every other name is harmless here, known or not, because nothing that a file names is fetched or called.
"""

from __future__ import annotations

import builtins
import sys


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


PLAIN = _words(
    "bool bytearray bytes complex dict ellipsis float frozenset int list long memoryview object range set slice str "
    "tuple type unicode NoneType NotImplementedType Ellipsis NotImplemented property staticmethod classmethod "
    "xrange basestring abs all any divmod enumerate len max min pow reversed round sorted sum zip"
)
# Modules of the standard library whose classes hold data; of every other one, a name is taken to act.
HOLDING = _words(
    "_codecs _collections _datetime _decimal _io _operator _random _strptime _thread _weakref abc argparse array "
    "bisect calendar collections configparser contextlib copy copy_reg copyreg dataclasses datetime decimal enum "
    "fractions functools graphlib heapq io ipaddress itertools json logging math numbers operator optparse ordereddict "
    "pathlib pprint queue random re sre_compile _sre statistics string struct test textwrap threading time typing "
    "types uuid warnings weakref zoneinfo"
)
# Modules that older Pythons had, or other systems have, and that act.
FORMER = _words(
    "__builtin__ asynchat asyncore cgi cgitb commands crypt distutils dl imp imputil mailcap msilib nis nntplib nt os2 "
    "ossaudiodev parser pipes popen2 posixfile smtpd spwd symbol telnetlib urllib2 xmlrpclib"
)
# Names of other packages, and of modules above, that act.
ACTING = _words(
    "io.open io.open_code io.FileIO _io.open _io.open_code _io.FileIO _thread.start_new_thread "
    "types.CodeType types.FunctionType types.LambdaType types.CoroutineType types.GeneratorType types.ModuleType "
    "operator.attrgetter operator.methodcaller _operator.attrgetter _operator.methodcaller "
    "threading.Thread threading.Timer logging.FileHandler logging.config logging.handlers "
    "torch.load torch.save torch.hub torch.jit torch.package torch.serialization.load torch.utils.cpp_extension "
    "torch.utils.model_zoo torch.utils.collect_env torch.utils.bottleneck torch.utils.data.datapipes "
    "torch.ops.load_library torch.classes.load_library torch.multiprocessing torch.distributed.rpc "
    "torch.distributed.run torch.distributed.launch torch.storage._load_from_bytes torch._inductor "
    "torch.compile torch._dynamo.optimize torch._dynamo.explain torch._dynamo.export torch._utils_internal "
    "numpy.load numpy.save numpy.savez numpy.fromfile numpy.memmap numpy.loadtxt numpy.savetxt numpy.genfromtxt "
    "numpy.DataSource numpy.lib.npyio numpy.lib._npyio_impl numpy.f2py numpy.distutils numpy.testing numpy.ctypeslib "
    "pandas.read_pickle pandas.io pandas.eval pandas.core.computation yaml.load yaml.unsafe_load yaml.full_load "
    "scipy.io joblib.load joblib.numpy_pickle.load dill.load dill.loads cloudpickle.load cloudpickle.loads "
    "keras.models keras.saving tensorflow.io tensorflow.saved_model tensorflow.keras.models"
)
PACKAGES = _words(
    "IPython aiohttp fabric httplib2 httpx huggingface_hub invoke jinja2 mako paramiko pexpect pip pkg_resources "
    "psutil ptyprocess requests setuptools sh urllib3 uvicorn"
)
THROUGH = _words("os sys subprocess builtins importlib eval")  # modules that other modules have as attributes
MODULES = frozenset(sys.stdlib_module_names) - HOLDING | FORMER


def acts(module: str, name: str) -> bool:
    """Would Python's own reader get hold of something that acts, were it asked for `name` of `module`?"""
    first = module.partition(".")[0]
    if first in ("builtins", "__builtin__"):
        return not (name in PLAIN or _is_error(name))
    parts = [*name.split("."), *(module.split(".")[1:] if first in HOLDING else ())]
    reaches = any(part.startswith("__") and part.endswith("__") for part in parts)  # __globals__ of anything
    through = any(part.lstrip("_") in THROUGH for part in parts)
    steps = f"{module}.{name}".split(".")
    named = any(".".join(steps[:count]) in ACTING for count in range(2, min(len(steps), 6) + 1))
    return first in MODULES or first in PACKAGES or reaches or through or named


def _is_error(name: str) -> bool:
    kind = getattr(builtins, name, None)
    return isinstance(kind, type) and issubclass(kind, BaseException)
