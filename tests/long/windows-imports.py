#!/usr/bin/env python3
"""Looks on any system whether Windows would load TorchSharp: every function that TorchSharp's library and libtorch's import from one another must be exported
by the other, and whatever else they import must be a library of Windows or of the Visual C++ runtime. Reads the packages that Cresset.Cpu restores."""
import glob
import os
import struct
import sys

SYSTEM = {
    "kernel32.dll", "ole32.dll", "advapi32.dll", "user32.dll", "ws2_32.dll", "psapi.dll", "iphlpapi.dll", "userenv.dll", "dbghelp.dll", "imagehlp.dll", "wintrust.dll",
    "rpcrt4.dll", "msvcp140.dll", "vcruntime140.dll", "vcruntime140_1.dll", "vcomp140.dll",
}


def names(path):
    """Imports by library, and exports, of a 64-bit PE file."""
    data = open(path, "rb").read()
    header = struct.unpack_from("<I", data, 0x3C)[0]
    sections, optional = struct.unpack_from("<H", data, header + 6)[0], struct.unpack_from("<H", data, header + 20)[0]
    directories = header + 24 + 112
    table = [struct.unpack_from("<IIII", data, header + 24 + optional + 40 * i + 8) for i in range(sections)]

    def at(address):
        return next(address - start + raw for size, start, length, raw in table if start <= address < start + max(size, length))

    def text(address):
        place = at(address)
        return data[place:data.index(b"\0", place)].decode()

    exports, imports = set(), {}
    address = struct.unpack_from("<I", data, directories)[0]
    if address:
        count, _, first = struct.unpack_from("<III", data, at(address) + 24)
        exports = {text(struct.unpack_from("<I", data, at(first) + 4 * i)[0]) for i in range(count)}
    address = struct.unpack_from("<I", data, directories + 8)[0]
    entry = at(address) if address else None
    while entry is not None:
        lookup, _, _, library, thunks = struct.unpack_from("<IIIII", data, entry)
        if not library:
            break
        wanted, place = imports.setdefault(text(library).lower(), []), at(lookup or thunks)
        while (value := struct.unpack_from("<Q", data, place)[0]):
            if not value >> 63:
                wanted.append(text((value & 0xFFFFFFFF) + 2))
            place += 8
        entry += 20
    return imports, exports


packages = os.environ.get("NUGET_PACKAGES", os.path.expanduser("~/.nuget/packages"))
failed = 0
for system in ("win-x64", "win-arm64"):
    files = glob.glob(f"{packages}/libtorch-cpu-{system}/2.10.0/runtimes/{system}/native/*.dll") + glob.glob(f"{packages}/torchsharp/0.107.0/runtimes/{system}/native/*.dll")
    libraries = {os.path.basename(file).lower(): names(file) for file in files}
    if "libtorchsharp.dll" not in libraries or "torch_cpu.dll" not in libraries:
        sys.exit(f"The packages for {system} are not in {packages}: dotnet restore packages/Cresset.Cpu")
    for name, (imports, _) in sorted(libraries.items()):
        own = [(library, function) for library, functions in imports.items() if library in libraries for function in functions]
        missing = [f"{library}!{function}" for library, function in own if function not in libraries[library][1]]
        foreign = [library for library in imports if library not in libraries and library not in SYSTEM and not library.startswith("api-ms-")]
        failed += len(missing) + len(foreign)
        print(f"{system} {name}: {len(own) - len(missing)} of {len(own)} imports resolved", *missing[:3], *(f"needs {library}" for library in foreign))
sys.exit(1 if failed else 0)
