"""
zh: 人工智能 ⊃ 机器学习 ⊃ 深度学习：同一任务的三种解法，以及“深”换来什么。
en: AI ⊃ machine learning ⊃ deep learning: one task three ways, and what depth buys.
"""

# --8<-- [start:data]
from collections.abc import Callable

import torch
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RepeatedStratifiedKFold, train_test_split
from torch import Tensor, nn

# zh: scikit-learn 给的是 float64，nn.Linear 要 float32；像素原是 0 到 16
# en: scikit-learn gives float64, nn.Linear wants float32; pixels came as 0 to 16
pixels, digit = map(torch.as_tensor, load_digits(return_X_y=True))
pixels = pixels.float() / 16
cells, benign = map(torch.as_tensor, load_breast_cancer(return_X_y=True))
cells = cells.float()

print(f"digits  {tuple(pixels.shape)}   classes = {len(digit.unique())}")
print(f"cells   {tuple(cells.shape)}   classes = {len(benign.unique())}")
print(f"share of the larger class = {benign.float().mean():.3f}")
# --8<-- [end:data]

# --8<-- [start:rule-digits]
DRAWINGS = """
.###. ...#. .##.. .###. ..#.. ##### ..#.. ##### .###. .###.
#..#. ..##. #..#. ...#. ..#.. #.... .#... ...#. #..#. #..#.
#...# .###. ...#. ...#. .#... #.... .#... ...#. #..#. #..#.
#...# ...#. ...#. ..##. #..#. ####. #.... .#### .##.. .####
#...# ...#. ..#.. ...#. ##### ...#. #.##. ..#.. .##.. ...#.
#...# ...#. ..#.. ....# ...#. ...#. #...# ..#.. #..#. ...#.
#..#. ...#. .#... #...# ...#. #..#. #...# .#... #..#. ...#.
.###. ...#. ##### .###. ...#. .##.. .###. .#... .##.. .##..
"""
lines = [line.split() for line in DRAWINGS.strip().split("\n")]
# zh: 文本按（行，数字，列）排列，换成（数字，行，列）：10 × 8 × 5
# en: the text goes by (row, digit, column); make it (digit, row, column): 10 × 8 × 5
ink = torch.tensor([[[c == "#" for c in word] for word in line] for line in lines])
drawn = ink.transpose(0, 1)


def read_digit(images: Tensor) -> Tensor:
    """
    zh: 在四个左右位置上搜索与图最相关的手绘数字；images 为 (n, 64)，返回 (n,)。
    en: The drawing that fits best at any of four places; images (n, 64), gives (n,).
    """
    # zh: 均值为零、长度为一之后，两张图的内积就是相关系数：越大越像
    # en: with mean zero and length one, the product of two images is their correlation
    images = nn.functional.normalize(images - images.mean(1, keepdim=True))
    scores = []
    for left in range(4):
        canvas = torch.zeros(10, 8, 8)
        canvas[:, :, left : left + 5] = drawn
        canvas = canvas.flatten(1)
        canvas = nn.functional.normalize(canvas - canvas.mean(1, keepdim=True))
        scores.append(images @ canvas.T)
    return torch.stack(scores).amax(0).argmax(1)


def accuracy(answer: Tensor, truth: Tensor) -> float:
    """
    zh: 答对的比例；两者形状均为 (n,)。
    en: The share of right answers; both have shape (n,).
    """
    return (torch.as_tensor(answer) == truth).float().mean().item()


rule_accuracy = accuracy(read_digit(pixels), digit)
print(f"rule for digits: {rule_accuracy:.3f}")
# --8<-- [end:rule-digits]

# --8<-- [start:rule-cells]
radius = cells[:, 0]
# zh: 人定的规则：细胞核的平均半径小于 15，就判为良性（1）
# en: a rule set by a person: nuclei of mean radius below 15 are called benign (1)
radius_accuracy = accuracy((radius < 15).long(), benign)
print(f"rule for cells: {radius_accuracy:.3f}")
# --8<-- [end:rule-cells]


# --8<-- [start:threshold]
def risk_of_threshold(threshold: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """
    zh: 规则“x < threshold 为 1”在样本 (x, y) 上的经验风险（错误的比例）。
    en: Empirical risk (share of errors) on (x, y) of the rule "1 if x < threshold".
    """
    return ((x < threshold).long() != y).float().mean()


candidates = torch.linspace(10, 20, 201)
risks = torch.stack([risk_of_threshold(c, radius, benign) for c in candidates])
# zh: 训练：在所有候选参数里，找经验风险最小的一个
# en: training: among all candidate parameters, find the one of least empirical risk
learned = candidates[risks.argmin()]
print(f"threshold = {learned:.2f}   accuracy = {1 - risks.min():.3f}")
# --8<-- [end:threshold]

# --8<-- [start:learners]
Learner = Callable[[Tensor, Tensor], Callable[[Tensor], Tensor]]


def logistic_regression(x: Tensor, y: Tensor) -> Callable[[Tensor], Tensor]:
    """
    zh: 线性模型：每类一组权重，只有两类时共用一组。
    zh: x 是 (n, d)，y 是 (n,)；返回预测函数。
    en: A linear model, one set of weights per class, or a single set for two classes;
    en: x (n, d), y (n,); returns a predictor.
    """
    fitted = LogisticRegression(max_iter=1000).fit(x, y)
    return lambda x: torch.as_tensor(fitted.predict(x))


def random_forest(x: Tensor, y: Tensor) -> Callable[[Tensor], Tensor]:
    """
    zh: 五十棵决策树（Breiman 2001），平均它们给各类的概率（叶子都纯时就是投票）；
    zh: 参数与返回值同上。
    en: Fifty decision trees (Breiman 2001), their class probabilities averaged (a vote
    en: where leaves are pure); same arguments and result.
    """
    fitted = RandomForestClassifier(n_estimators=50, random_state=0).fit(x, y)
    return lambda x: torch.as_tensor(fitted.predict(x))


def train_network(
    x: Tensor,
    y: Tensor,
    hidden: int = 64,
    seed: int = 0,
    freeze: bool = False,
    rule: Callable[..., torch.optim.Optimizer] = torch.optim.Adam,
    lr: float = 0.02,
) -> nn.Sequential:
    """
    zh: 一个隐藏层，全批量走 100 步；x 是 (n, d)，y 是类别编号 (n,)。
    zh: freeze 时第一层保持随机、不训练。
    en: One hidden layer, 100 full-batch steps; x is (n, d), y class numbers (n,).
    en: freeze keeps the first layer random.
    """
    torch.manual_seed(seed)
    classes = int(y.max()) + 1
    net = nn.Sequential(
        nn.Linear(x.shape[1], hidden), nn.ReLU(), nn.Linear(hidden, classes)
    )
    optimizer = rule((net[2] if freeze else net).parameters(), lr=lr)
    for _ in range(100):
        loss = nn.functional.cross_entropy(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    # zh: 训练完了，预测时不必再记录计算图
    # en: training is over: predictions need no graph
    return net.requires_grad_(False)


def neural_network(x: Tensor, y: Tensor, **settings) -> Callable[[Tensor], Tensor]:
    """
    zh: 训练一个网络；返回预测函数，由 (n, d) 得类别编号 (n,)。
    en: Train a network; returns a predictor, from (n, d) to class numbers (n,).
    """
    net = train_network(x, y, **settings)
    return lambda new: net(new).argmax(1)


# --8<-- [end:learners]


# --8<-- [start:cross-validate]
def standardise(train: Tensor, test: Tensor) -> tuple[Tensor, Tensor]:
    """
    zh: 逐列减去训练集的均值，再除以训练集的标准差；
    zh: 形状 (n, d) 与 (m, d)。
    en: By column, subtract the mean of the training set and divide by its standard
    en: deviation; (n, d) and (m, d).
    """
    mean, std = train.mean(0), train.std(0, correction=0)
    # zh: 有些像素在训练集里总是空白，标准差为零，改为除以 1
    # en: pixels that are always blank have standard deviation zero: divide them by 1
    std[std == 0] = 1
    return (train - mean) / std, (test - mean) / std


def cross_validate(learners: dict[str, Learner], x: Tensor, y: Tensor) -> dict:
    """
    zh: 五折交叉验证，重复两遍，划分对所有学习器相同；x 是 (n, d)，y 是 (n,)。
    zh: 返回每个学习器的十个准确率。
    en: Five-fold cross-validation, repeated twice, the same splits for every learner;
    en: x (n, d), y (n,); returns ten accuracies for each.
    """
    scores = {name: [] for name in learners}
    folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=2, random_state=0)
    for train, test in folds.split(x, y):
        x_train, x_test = standardise(x[train], x[test])
        for name, learn in learners.items():
            predict = learn(x_train, y[train])
            scores[name].append(accuracy(predict(x_test), y[test]))
    return {name: torch.tensor(values) for name, values in scores.items()}


# --8<-- [end:cross-validate]

# --8<-- [start:compare]
learners = {
    "logistic": logistic_regression,
    "forest": random_forest,
    "network": neural_network,
}
on_digits = cross_validate(learners, pixels, digit)
on_cells = cross_validate(learners, cells, benign)

for data, scores in (("digits", on_digits), ("cells", on_cells)):
    for name, values in scores.items():
        print(f"{data}  {name:8}  {values.mean():.3f} ± {values.std():.3f}")
# --8<-- [end:compare]

# --8<-- [start:paired]
in_deviations = []
for data, scores in (("digits", on_digits), ("cells", on_cells)):
    for rival in ("logistic", "forest"):
        gap = scores["network"] - scores[rival]
        wins = (gap > 0).sum().item()
        in_deviations.append((gap.mean() / gap.std()).item())
        print(
            f"{data}  network - {rival:8}  {gap.mean():+.4f} ± {gap.std():.4f}"
            f"   wins {wins} of {len(gap)}"
        )

# zh: 由前面的公式算出的标准误差：数字数据上的网络，每次在五分之一的图上测试
# en: the standard error by the formula: the network on the digits, tested on a fifth
p, m = on_digits["network"].mean().item(), len(digit) / 5
expected = (p * (1 - p) / m) ** 0.5
print(f"p = {p:.3f}   m = {m:.0f}   standard error = {expected:.3f}")
# --8<-- [end:paired]

# --8<-- [start:data-size]
sizes = (10, 20, 50, 100, 300, 1000)
by_size = {name: torch.zeros(len(sizes), 3) for name in learners}
for i, size in enumerate(sizes):
    for repeat in range(3):
        # zh: stratify 让每一类都有代表：十个样本就是每个数字一张图
        # en: stratify keeps every class present: ten examples are one image per digit
        train, test = train_test_split(
            torch.arange(len(digit)),
            train_size=size,
            test_size=500,
            stratify=digit,
            random_state=repeat,
        )
        for name, learn in learners.items():
            predict = learn(pixels[train], digit[train])
            by_size[name][i, repeat] = accuracy(predict(pixels[test]), digit[test])

print(f"{'size':>4}  " + "  ".join(by_size))
for i, size in enumerate(sizes):
    row = "  ".join(f"{by_size[name][i].mean():{len(name)}.3f}" for name in by_size)
    print(f"{size:4}  {row}")
# --8<-- [end:data-size]

# --8<-- [start:features]
train, test = train_test_split(
    torch.arange(len(digit)), train_size=1000, stratify=digit, random_state=0
)
x_train, x_test = standardise(pixels[train], pixels[test])

widths = (2, 4, 8, 16, 32, 64)
given, trained = [], []
for width in widths:
    for freeze, results in ((True, given), (False, trained)):
        predict = neural_network(x_train, digit[train], hidden=width, freeze=freeze)
        results.append(accuracy(predict(x_test), digit[test]))
    print(f"width {width:2}   random {given[-1]:.3f}   learned {trained[-1]:.3f}")
# --8<-- [end:features]


# --8<-- [start:representation]
def nearest_mean(x: Tensor, y: Tensor, new: Tensor) -> Tensor:
    """
    zh: 判为均值最近的那一类；x (n, d)，y (n,)，new (m, d)；返回 (m,)。
    en: The class whose mean is nearest; x (n, d), y (n,), new (m, d); returns (m,).
    """
    means = torch.stack([x[y == c].mean(0) for c in y.unique()])
    return torch.cdist(new, means).argmin(1)


def principal_directions(x: Tensor) -> Tensor:
    """
    zh: x (n, d) 方差最大的两个方向，作为 (d, 2) 的两列（主成分分析）。
    en: The two directions of most variance of x (n, d), as columns of (d, 2): PCA.
    """
    # zh: 协方差矩阵的特征向量，按方差从小到大排列
    # en: eigenvectors of the covariance matrix, in order of rising variance
    _, directions = torch.linalg.eigh(x.T.cov())
    return directions[:, -2:].flip(1)


torch.manual_seed(0)
untrained = nn.Linear(64, 16).requires_grad_(False)
net = train_network(x_train, digit[train], hidden=16)

planes, by_mean = {}, {}
for name, layer in (("untrained", untrained), ("trained", net[0])):
    h_train, h_test = layer(x_train).relu(), layer(x_test).relu()
    directions = principal_directions(h_train)
    planes[name] = h_test @ directions
    whole = nearest_mean(h_train, digit[train], h_test)
    by_mean[name] = accuracy(whole, digit[test])
    flat = nearest_mean(h_train @ directions, digit[train], planes[name])
    print(
        f"{name:9}  nearest mean in 16-D: {by_mean[name]:.3f}"
        f"   in 2-D: {accuracy(flat, digit[test]):.3f}"
    )
# --8<-- [end:representation]


# --8<-- [start:tent]
def tent(x: Tensor) -> Tensor:
    """
    zh: 一层两个 ReLU 单元：在 [0, 1] 上先升到 1，再降回 0；逐元素。
    en: One layer of two ReLU units, elementwise: on [0, 1] up to 1 and back to 0.
    """
    return 2 * x.relu() - 4 * (x - 0.5).relu()


def count_pieces(f: Callable[[Tensor], Tensor]) -> int:
    """
    zh: 数一数 f 在 [0, 1] 上有几段直线；折点须落在步长 1/4096 的格点上，
    zh: 斜率的变化须大于 0.1（更小的可能只是舍入）。
    en: How many straight pieces f has on [0, 1]; kinks must lie on a grid of 1/4096
    en: and change the slope by more than 0.1 (less may be mere rounding).
    """
    x = torch.linspace(0, 1, 4097)
    slopes = f(x).diff() / x.diff()
    return 1 + int((slopes.diff().abs() > 0.1).sum())


def zigzag(x: Tensor, depth: int) -> Tensor:
    """
    zh: 把 tent 套 depth 次；x 为任意形状。
    en: Apply tent depth times; x has any shape.
    """
    for _ in range(depth):
        x = tent(x)
    return x


pieces = []
for depth in range(1, 9):
    pieces.append(count_pieces(lambda x, depth=depth: zigzag(x, depth)))
    print(
        f"depth {depth}   units = {2 * depth:2}   pieces = {pieces[-1]:3}"
        f"   one layer needs >= {pieces[-1] - 1} units"
    )
# --8<-- [end:tent]


def fails_dtype() -> None:
    """
    zh: 双精度的特征送进单精度的层。抛出 RuntimeError。
    en: Double-precision features for a single-precision layer. Raises RuntimeError.
    """
    # --8<-- [start:fails-dtype]
    features, labels = load_breast_cancer(return_X_y=True)
    print(features.dtype)
    nn.Linear(30, 2)(torch.as_tensor(features))
    # --8<-- [end:fails-dtype]


# --8<-- [start:unscaled]
train, test = train_test_split(
    torch.arange(len(benign)), train_size=400, stratify=benign, random_state=0
)
raw = cells[train], cells[test]
answers = {}
for name, (fit_on, test_on) in (("raw", raw), ("scaled", standardise(*raw))):
    settings = {"rule": torch.optim.SGD, "lr": 0.1}
    answers[name] = answer = neural_network(fit_on, benign[train], **settings)(test_on)
    forest = random_forest(fit_on, benign[train])(test_on)
    print(
        f"{name:6}  network {accuracy(answer, benign[test]):.3f}"
        f"   calls benign {answer.float().mean():.3f}"
        f"   forest {accuracy(forest, benign[test]):.3f}"
    )
# --8<-- [end:unscaled]

# --8<-- [start:leak]
torch.manual_seed(0)
# zh: 纯噪声；标签 0、1 交替，与噪声无关：
# zh: 在新数据上，任何模型都只能答对一半
# en: pure noise, and labels that alternate, unrelated to it:
# en: on new data, any model is right half of the time
noise, labels = torch.randn(100, 2000), torch.arange(100) % 2


def best_features(x: Tensor, y: Tensor) -> Tensor:
    """
    zh: 两类均值相差最大的 20 个特征的编号 (20,)；x 是 (n, d)，y 是 (n,)。
    en: Indices (20,) of the features whose class means differ most; x (n, d), y (n,).
    """
    return (x[y == 1].mean(0) - x[y == 0].mean(0)).abs().topk(20).indices


def select_then_fit(x: Tensor, y: Tensor) -> Callable[[Tensor], Tensor]:
    """
    zh: 只用拿到的训练样本挑特征，再拟合；x 是 (n, d)，y 是 (n,)。
    en: Choose features from the examples it is given, then fit; x (n, d), y (n,).
    """
    chosen = best_features(x, y)
    predict = logistic_regression(x[:, chosen], y)
    return lambda new: predict(new[:, chosen])


peeked = noise[:, best_features(noise, labels)]
leaky = cross_validate({"": logistic_regression}, peeked, labels)[""]
honest = cross_validate({"": select_then_fit}, noise, labels)[""]
seen = accuracy(random_forest(noise, labels)(noise), labels)
print(f"features chosen before the split: {leaky.mean():.3f}")
print(f"features chosen inside each fold: {honest.mean():.3f}")
print(f"forest on its own training data:  {seen:.3f}")
# --8<-- [end:leak]

# --8<-- [start:seeds]
train, test = train_test_split(
    torch.arange(len(digit)), train_size=1000, stratify=digit, random_state=0
)
by_seed = torch.zeros(8)
for seed in range(8):
    predict = neural_network(pixels[train], digit[train], seed=seed)
    by_seed[seed] = accuracy(predict(pixels[test]), digit[test])
print(f"worst {by_seed.min():.4f}   best {by_seed.max():.4f}")
print(f"mean {by_seed.mean():.4f} ± {by_seed.std():.4f}")
# --8<-- [end:seeds]
