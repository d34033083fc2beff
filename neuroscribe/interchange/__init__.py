"""Files that other tools write and read: OpenAI's neuron-explainer and Neuronpedia's batches.

Out, :mod:`.exporting` takes stored answers through :mod:`.to_neuron_explainer` or
:mod:`.to_neuronpedia`. In, :mod:`.importing` takes what :mod:`.reading` gives into the store. The
shapes of the foreign objects are :mod:`.neuron_explainer` and :mod:`.neuronpedia`; what they have
no place for travels in :mod:`.extension`.
"""
