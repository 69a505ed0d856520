# --8<-- [start:imports]
import os
import socket
import subprocess
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

# --8<-- [end:imports]


# --8<-- [start:replica]
torch.manual_seed(0)
inputs, targets = torch.randn(64, 8), torch.randn(64, 1)
replica = nn.Sequential(nn.Linear(8, 32), nn.Tanh(), nn.Linear(32, 1))
start = {"x": inputs, "y": targets, "weights": replica.state_dict()}
torch.save(start, "start.pt")

# zh: 脚本最后一行直接退出：DDP 会让 gloo 的线程活到最后，
# zh: 它们可能在 Python 收尾时崩溃（pytorch/pytorch#190489）
# en: its last line leaves at once: DDP keeps gloo's threads alive, and they may
# en: crash while Python shuts down (pytorch/pytorch#190489)
Path("train.py").write_text("""
import os

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook
from torch.nn.parallel import DistributedDataParallel

dist.init_process_group("gloo")
rank, world = dist.get_rank(), dist.get_world_size()
start = torch.load("start.pt")
x, y = start["x"][rank::world], start["y"][rank::world]
model = nn.Sequential(nn.Linear(8, 32), nn.Tanh(), nn.Linear(32, 1))
model.load_state_dict(start["weights"])


def gradient():
    return torch.cat([p.grad.flatten() for p in model.parameters()])


F.mse_loss(model(x), y).backward()
alone = gradient()

sent = []


def all_reduce_and_count(state, bucket):
    sent.append(bucket.buffer().nbytes)
    return allreduce_hook(None, bucket)


parallel = DistributedDataParallel(model)
parallel.register_comm_hook(None, all_reduce_and_count)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for step in range(20):
    optimizer.zero_grad()
    F.mse_loss(parallel(x), y).backward()
    if step == 0:
        together, payload = gradient(), sum(sent)
    optimizer.step()

result = {"alone": alone, "together": together, "payload": payload}
torch.save(result | {"weights": model.state_dict()}, f"rank{rank}.pt")
dist.barrier()
dist.destroy_process_group()
os._exit(0)
""")
# --8<-- [end:replica]


# --8<-- [start:launch]
# zh: 等于命令 torchrun --standalone --nproc-per-node 2 train.py；
# zh: gloo 只用第一个网络接口，即本机回环
# en: the same as the command torchrun --standalone --nproc-per-node 2 train.py;
# en: gloo uses the first network interface only, which is the loopback
command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
command += ["--nproc-per-node", "2", "train.py"]
loopback = {"GLOO_SOCKET_IFNAME": socket.if_nameindex()[0][1], "OMP_NUM_THREADS": "1"}
subprocess.run(command, env=os.environ | loopback, check=True, timeout=100)
ranks = [torch.load(f"rank{rank}.pt") for rank in range(2)]
# --8<-- [end:launch]


# --8<-- [start:compare-ranks]
F.mse_loss(replica(inputs), targets).backward()
whole = torch.cat([p.grad.flatten() for p in replica.parameters()])


def apart(a: torch.Tensor, b: torch.Tensor) -> float:
    """
    zh: 两个同形张量的相对距离。
    en: The relative distance of two tensors of one shape.
    """
    return ((a - b).norm() / b.norm()).item()


alone_apart = [apart(r["alone"], whole) for r in ranks]
together_apart = [apart(r["together"], whole) for r in ranks]
print(f"alone        {alone_apart[0]:.2f}   {alone_apart[1]:.2f}")
print(f"all-reduce   {together_apart[0]:.0e}   {together_apart[1]:.0e}")
# --8<-- [end:compare-ranks]


# --8<-- [start:compare-training]
single = torch.optim.SGD(replica.parameters(), lr=0.1)
for _ in range(20):
    single.zero_grad()
    F.mse_loss(replica(inputs), targets).backward()
    single.step()

weights = [torch.cat([w.flatten() for w in r["weights"].values()]) for r in ranks]
alike = torch.equal(*weights)
weights_apart = apart(weights[0], nn.utils.parameters_to_vector(replica.parameters()))
print(f"replicas     equal {alike}")
print(f"one process  {weights_apart:.0e}")
# --8<-- [end:compare-training]


# --8<-- [start:ring]
def ring_all_reduce(vectors: list[torch.Tensor]) -> tuple[list[torch.Tensor], int]:
    """
    zh: 环形 all-reduce，N 个进程由列表的 N 项代表；
    zh: 返回各进程最后得到的和，以及每个进程发送的字节数。
    zh: 向量长度须能被 N 整除。
    zh: 来源：Patarasuk & Yuan 2009。
    en: Ring all-reduce; the N entries of the list stand for N processes. Returns the sum
    en: that each process ends with, and the bytes that each has sent. The length of the
    en: vectors must be a multiple of N.
    en: Source: Patarasuk & Yuan 2009.
    """
    N = len(vectors)
    parts = [list(vector.clone().chunk(N)) for vector in vectors]
    sent = 0
    # zh: 第一轮（reduce-scatter）：每步把一段交给下家，下家把它加到自己的那段上
    # en: first round (reduce-scatter): hand one part on; the next adds it to its own
    for step in range(N - 1):
        moving = [parts[rank][(rank - step) % N].clone() for rank in range(N)]
        for rank, message in enumerate(moving):
            parts[(rank + 1) % N][(rank - step) % N] += message
        sent += moving[0].nbytes
    # zh: 第二轮（all-gather）：算完的段再绕环一周，下家照抄
    # en: second round (all-gather): the finished parts go around; the next copies them
    for step in range(N - 1):
        moving = [parts[rank][(rank + 1 - step) % N].clone() for rank in range(N)]
        for rank, message in enumerate(moving):
            parts[(rank + 1) % N][(rank + 1 - step) % N] = message
        sent += moving[0].nbytes
    return [torch.cat(own) for own in parts], sent


ring_sent = {}
for N in (2, 4, 8, 16):
    vectors = list(torch.randn(N, 1600))
    sums, ring_sent[N] = ring_all_reduce(vectors)
    right = all(torch.allclose(s, sum(vectors), atol=1e-5) for s in sums)
    formula = 2 * (N - 1) / N * vectors[0].nbytes
    print(
        f"N = {N:>2}   equal {right}   sent {ring_sent[N]}   formula {formula:.0f} bytes"
    )

payload = max(result["payload"] for result in ranks)
print(f"payload {payload} = 4 x {whole.numel()} bytes")
# --8<-- [end:ring]


# --8<-- [start:zero]
def zero_bytes(P: float, N: int, stage: int) -> float:
    """
    zh: 混合精度 Adam 下每个进程的模型状态字节数，
    zh: 每个参数：权重 2、梯度 2、优化器 12。
    zh: stage 0 全部复制；1、2、3 依次把优化器状态、梯度、权重分片。
    zh: 来源：Rajbhandari 等 2020，图 1。
    en: Bytes of model state per process with mixed-precision Adam: 2 for the weight, 2 for
    en: the gradient, 12 for the optimizer, per parameter. Stage 0 copies everything;
    en: 1, 2 and 3 shard the optimizer state, then the gradients, then the weights.
    en: Source: Rajbhandari et al. 2020, figure 1.
    """
    weights = 2 / N if stage >= 3 else 2
    gradients = 2 / N if stage >= 2 else 2
    states = 12 / N if stage >= 1 else 12
    return (weights + gradients + states) * P


zero_table = [zero_bytes(7.5e9, 64, stage) / 1e9 for stage in range(4)]
print("   ".join(f"stage {s}: {gb:.1f} GB" for s, gb in enumerate(zero_table)))
# --8<-- [end:zero]


# --8<-- [start:sampler]
shares = [
    list(torch.utils.data.DistributedSampler(range(10), N, rank, shuffle=False))
    for N in (2, 4)
    for rank in range(N)
]
print("N = 2", shares[:2])
print("N = 4", shares[2:])
# --8<-- [end:sampler]


def fails_rank() -> None:
    """
    zh: 没有说自己是第几个进程就建进程组。抛出 ValueError。
    en: Starts a process group without saying which process this is. Raises ValueError.
    """
    # --8<-- [start:fails-rank]
    torch.distributed.init_process_group("gloo")
    # --8<-- [end:fails-rank]
