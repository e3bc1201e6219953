"""Writes texts that nest a hundred thousand times: nest.py FOLDER."""

import json
import pathlib
import sys

folder, deep = pathlib.Path(sys.argv[1]), 100000
brackets = "dl.model @m() attributes {a = " + "[" * deep + "]" * deep + "} {\n  dl.return\n}\n"
(folder / "brackets.mlir").write_text(brackets)
(folder / "sums.mlir").write_text(
    "// d0 + d0\n#m = affine_map<(d0) -> (" + "d0 + " * deep + "d0)>\n")

document = {"uri": "test:///deep.mlir", "languageId": "mlir", "version": 1, "text": brackets}
messages = [
    {"id": 0, "method": "initialize",
     "params": {"processId": 1, "rootPath": "mlir", "capabilities": {}, "trace": "off"}},
    {"method": "textDocument/didOpen", "params": {"textDocument": document}},
    {"id": 3, "method": "shutdown"},
    {"method": "exit"},
]
text = "// -----\n".join(json.dumps({"jsonrpc": "2.0", **message}) + "\n" for message in messages)
(folder / "brackets.lsp").write_text(text)
