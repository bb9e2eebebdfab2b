"""Units of encoders a second time, one number after the other as the formulas have it. For tests only.

Letters: B clips, C channels, T frames, V and W source and target joint, S subsets, G groups. `p` holds the
parameters by name, convolutions as (out, in[, taps]) matrices. Batch normalisation is that of training.
"""

import torch
from torch import Tensor

EPS = 1e-5
Values = dict[str, Tensor]


def conv(x: Tensor, weight: Tensor, bias: Tensor, *, stride: int = 1, dilation: int = 1) -> Tensor:
    """Along time, zeros beyond both ends; weight (O, C, taps), or (O, C) for a single frame."""
    weight = weight.reshape(*weight.shape[:2], -1)
    taps, frames = weight.shape[2], x.shape[2]
    out = []
    for t in range(0, frames, stride):
        total = bias[None, :, None]
        for k in range(taps):
            source = t + (k - taps // 2) * dilation
            if 0 <= source < frames:
                total = total + torch.einsum("oc,bcv->bov", weight[:, :, k], x[:, :, source])
        out.append(total.expand(len(x), -1, x.shape[3]))
    return torch.stack(out, dim=2)


def norm(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    out = []
    for c in range(x.shape[1]):
        values = x[:, c]
        centred = values - values.mean()
        out.append(weight[c] * centred / (centred.square().mean() + EPS).sqrt() + bias[c])
    return torch.stack(out, dim=1)


def positive(x: Tensor) -> Tensor:
    return x * (x > 0)


def spread(z: Tensor, graph: Tensor) -> Tensor:
    """y[w] = sum over v of z[v] graph[v][w]."""
    joints = range(len(graph))
    return torch.stack([sum(z[..., v] * graph[v, w] for v in joints) for w in joints], dim=-1)


def down(x: Tensor, p: Values) -> Tensor:
    if "down.0.weight" not in p:
        return x
    moved = conv(x, p["down.0.weight"], p["down.0.bias"])
    return norm(moved, p["down.1.weight"], p["down.1.bias"])


def st_gcn(x: Tensor, p: Values, graph: Tensor) -> Tensor:
    z = conv(x, p["values.weight"], p["values.bias"])
    c = z.shape[1] // 3
    total = sum(spread(z[:, s * c : (s + 1) * c], graph[s] * p["importance"][s]) for s in range(3))
    return positive(norm(total, p["bn.weight"], p["bn.bias"]))


def st_gcn_pp(x: Tensor, p: Values) -> Tensor:
    z = conv(x, p["values.weight"], p["values.bias"])
    c = z.shape[1] // 3
    total = sum(spread(z[:, s * c : (s + 1) * c], p["graph_SVW"][s]) for s in range(3))
    return positive(norm(total, p["bn.weight"], p["bn.bias"]) + down(x, p))


def baseline(x: Tensor, p: Values) -> Tensor:
    weights, biases = p["values.weight"].chunk(3), p["values.bias"].chunk(3)
    total = 0
    for s in range(3):
        graph = p["graph_SVW"][s]
        columns = [graph[:, w] / (graph[:, w].square().sum().sqrt() + 1e-4) for w in range(len(graph))]
        total = total + conv(spread(x, torch.stack(columns, dim=1)), weights[s], biases[s])
    return positive(norm(total, p["bn.weight"], p["bn.bias"]) + down(x, p))


def block_gc(x: Tensor, p: Values, hops: list[list[int]]) -> Tensor:
    groups, joints = 8, len(hops)
    total = 0
    for s in range(3):
        pieces = []
        for h, part in enumerate(x.chunk(groups, dim=1)):
            graph, bias = p["graph_SHVW"][s, h], p["by_hop_SHD"][s, h]
            columns = []
            for w in range(joints):
                near = torch.stack([bias[hops[v][w]] for v in range(joints)])
                column = graph[:, w] / (graph[:, w].square().sum().sqrt() + 1e-4)
                columns.append(column + near / (near.square().sum().sqrt() + 1e-4))
            moved = spread(part, torch.stack(columns, dim=1))
            weight = p["weight_SHOC"][s, h]
            bias_of_group = p["bias_SC"][s, h * len(weight) : (h + 1) * len(weight)]
            pieces.append(conv(moved, weight, bias_of_group))
        total = total + torch.cat(pieces, dim=1)
    return positive(norm(total, p["bn.weight"], p["bn.bias"]) + down(x, p))


def dg_gcn(x: Tensor, p: Values) -> Tensor:
    groups, joints = 8, x.shape[3]
    inside = positive(
        norm(
            conv(x, p["enter.weight"], p["enter.bias"]),
            p["enter_bn.weight"],
            p["enter_bn.bias"],
        )
    )
    m = inside.shape[1] // groups
    still = sum(x[:, :, t] for t in range(x.shape[2])) / x.shape[2]
    wa, wb = p["relate.weight"].chunk(2)
    ba, bb = p["relate.bias"].chunk(2)
    a = torch.einsum("oc,bcv->bov", wa, still) + ba[None, :, None]
    b = torch.einsum("oc,bcv->bov", wb, still) + bb[None, :, None]
    channels = []
    for k in range(groups):
        ak, bk = a[:, k * m : (k + 1) * m], b[:, k * m : (k + 1) * m]
        columns = []
        for w in range(joints):
            near = torch.stack([(ak[:, :, v] * bk[:, :, w]).sum(1).exp() for v in range(joints)], dim=1)
            columns.append(near / near.sum(dim=1, keepdim=True))
        q = torch.stack(columns, dim=2)  # (B, V, W), every column sums to 1
        for c in range(m):
            rows = []
            for w in range(joints):
                total = 0
                for v in range(joints):
                    r = torch.tanh(ak[:, c, v] - bk[:, c, w])
                    g = p["graph_GVW"][k, v, w] + p["alpha"][0] * r + p["beta"][0] * q[:, v, w]
                    total = total + inside[:, k * m + c, :, v] * g[:, None]
                rows.append(total)
            channels.append(torch.stack(rows, dim=-1))
    left = conv(torch.stack(channels, dim=1), p["leave.weight"], p["leave.bias"])
    return positive(norm(left, p["bn.weight"], p["bn.bias"]) + down(x, p))


def six_branches(x: Tensor, p: Values, stride: int) -> Tensor:
    """The six branches side by side; entries are slices of the shared ones."""
    sixth = x.shape[1] // 6
    widths = [x.shape[1] - 5 * sixth, *[sixth] * 4]
    out, start = [], 0
    for i, width in enumerate(widths):
        rows = slice(start, start + width)
        start += width
        h = conv(x, p["branches.enter.weight"][rows], p["branches.enter.bias"][rows])
        h = positive(norm(h, p["branches.enter_bn.weight"][rows], p["branches.enter_bn.bias"][rows]))
        if i < 4:
            name = f"branches.dilated.{i}"
            out.append(conv(h, p[f"{name}.weight"], p[f"{name}.bias"], stride=stride, dilation=i + 1))
        else:
            frames = range(0, h.shape[2], stride)
            windows = [h[:, :, max(0, t - 1) : t + 2] for t in frames]
            out.append(torch.stack([window.amax(dim=2) for window in windows], dim=2))
    out.append(conv(x, p["branches.direct.weight"], p["branches.direct.bias"], stride=stride))
    return torch.cat(out, dim=1)


def multi_scale(x: Tensor, p: Values, stride: int) -> Tensor:
    share = p.get("mean_share")
    if share is None:
        z = six_branches(x, p, stride)
    else:
        joints = x.shape[3]
        mean = sum(x[..., v] for v in range(joints)) / joints
        branches = six_branches(torch.cat([x, mean[..., None]], dim=3), p, stride)
        z = torch.stack([branches[..., v] + share[v] * branches[..., joints] for v in range(joints)], dim=-1)
    z = positive(norm(z, p["mix_bn.weight"], p["mix_bn.bias"]))
    return norm(conv(z, p["mix.weight"], p["mix.bias"]), p["leave_bn.weight"], p["leave_bn.bias"])
