"""Networks, one folder each, with everything that is about that network alone.

    __init__.py      what it is: paper, licence, where its weights come from; imports nothing
    facts.py         its constants as published (sizes, joints, file names), with their source
    options.py       how it is run
    network.py       its architecture (torch; loaded for training, and where nothing else runs it)
    onnx_run.py      how it runs: `numpy_run`, `torch_run`, or a name for what it does where there are several
    weights.py       `ENTRIES`, its rows of the weights catalogue

A folder has what it needs of these. Other modules lie beside them, as do weights that ship. Modules directly in this
package serve several networks.
"""
