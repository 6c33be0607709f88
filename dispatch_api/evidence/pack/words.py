"""The words of the report, Chinese and English."""

from __future__ import annotations

WORDS: dict[str, tuple[str, str]] = {
    "title": ("案件证据报告", "Evidence of a case"),
    "number": ("#", "#"),
    "matter": ("事项", "Matter"),
    "state": ("状态", "State"),
    "confidence": ("最高置信度", "Highest confidence"),
    "address": ("地点", "Place"),
    "position": ("坐标（WGS 84，经度、纬度）", "Position (WGS 84, longitude, latitude)"),
    "error": ("95% 误差椭圆（长半轴 × 短半轴，方位）", "95 % error ellipse (semi-axes, azimuth)"),
    "extent": ("面积", "Area"),
    "first_seen": ("首次发现", "First seen"),
    "last_seen": ("最近发现", "Last seen"),
    "seen_by": ("观测次数 / 画面数", "Observations / pictures"),
    "hold": ("证据冻结", "Evidence on hold"),
    "yes": ("是", "yes"),
    "no": ("否", "no"),
    "made": ("证据包生成", "Pack made"),
    "made_by": ("生成人", "Made by"),
    "why": ("理由", "Reason"),
    "map": ("位置示意图", "Map extract"),
    "map_note": (
        "按本系统存储的区域、航迹与误差绘制，不含第三方底图。",
        "Drawn from the store's own zones, tracks and errors; no third party's map.",
    ),
    "pictures": ("图像证据", "Pictures"),
    "redacted_note": (
        "以下为脱敏副本（人员、车牌已遮挡），方框标出认定目标；封存原件以 SHA-256 标识。",
        "Redacted copies (people and plates hidden); the box marks the thing. The SHA-256 is the original's.",
    ),
    "original": ("原件", "Original"),
    "captured": ("设备拍摄时间", "Captured (device)"),
    "received": ("服务器接收时间", "Received (server)"),
    "offset": ("二者之差", "Offset of the two"),
    "source": ("来源", "Source"),
    "photo": ("照片原始文件", "photo as the camera wrote it"),
    "video": ("视频截帧", "frame of a video"),
    "stream": ("直播截帧（无源文件）", "frame of a stream (no source file)"),
    "frame": ("帧", "frame"),
    "clip": ("视频片段（脱敏）", "Clip (redacted)"),
    "clip_of": ("原视频片段，未重新编码，无声音", "cut from the film, not coded anew, without sound"),
    "live": ("直播", "live stream"),
    "clean_looks": ("复飞核查：现场未再发现", "Looked at again: nothing found"),
    "looks": ("确看次数", "Sure looks"),
    "resolution": ("每像素", "Per pixel"),
    "picture": ("图号", "Picture"),
    "pose": ("相机位姿", "Camera pose"),
    "findings": ("模型识别", "Found by model"),
    "threshold": ("阈值", "threshold"),
    "score": ("得分", "score"),
    "sealed": ("原件封存于系统，未随本包提供", "sealed in the store, not in this pack"),
    "enclosed": ("原件随本包提供", "enclosed in this pack"),
    "removed": ("原件已按保存期限清除", "removed after its retention"),
    "flights": ("飞行", "Flights"),
    "flight": ("飞行编号", "Flight"),
    "time": ("时间", "Time"),
    "aircraft": ("航空器", "Aircraft"),
    "payload": ("载荷", "Payload"),
    "approval_id": ("批准文号", "Approval"),
    "operator": ("操作员", "Operator"),
    "purpose": ("飞行目的", "Purpose"),
    "unknown": ("未知", "unknown"),
    "models": ("识别模型", "Models"),
    "model": ("模型", "Model"),
    "weights": ("权重 SHA-256", "SHA-256 of the weights"),
    "reviews": ("人工核实", "Review"),
    "reviewer": ("核实人", "Reviewer"),
    "verdict": ("结论", "Verdict"),
    "confirmed": ("立案", "confirmed"),
    "rejected": ("不予立案", "rejected"),
    "by_rule": ("按规则自动立案，未经人工核实", "by a rule, no person reviewed it"),
    "no_review": ("尚无核实记录", "not reviewed yet"),
    "tasks": ("任务", "Tasks"),
    "department": ("部门", "Department"),
    "events": ("案件记录（只增不改，逐条哈希）", "History of the case (append-only, each entry hashed)"),
    "who": ("操作人", "Who"),
    "what": ("事项", "What"),
    "change": ("变化", "Change"),
    "hash": ("哈希", "Hash"),
    "digest": ("SHA-256", "SHA-256"),
    "digests": ("文件与摘要", "Files and digests"),
    "file": ("文件", "File"),
    "role": ("类别", "Role"),
    "bytes": ("字节", "Bytes"),
    "limits": ("本证据包证明什么、不证明什么", "What this pack proves, and what it does not"),
    "proves_1": (
        "包内每个文件自生成时起未被改动一个字节：用包内 verify.py（仅需 Python 标准库）或 flyonce evidence verify "
        "可离线核验。",
        "Not one byte of any file changed since the pack was made: check it offline with verify.py in the pack "
        "(Python's standard library is enough) or with `flyonce evidence verify`.",
    ),
    "proves_2": (
        "原件的 SHA-256 在接收时、解码之前计算；每个副本注明其原件。",
        "The originals' SHA-256 was taken at ingest, before decoding; each copy names its original.",
    ),
    "not_1": (
        "不证明接收之前文件未被改动，也不证明画面内容真实；设备时间与位置为设备自报。",
        "It does not prove that a file was untouched before it came in, nor that the scene was true; time and "
        "place are what the device told.",
    ),
    "not_2": (
        "整包重做可骗过核验：以清单的时间戳（manifest.tsr）、事先告知公证机构的清单摘要，或系统历史中登记的清单摘要为准。",
        "A pack written anew as a whole passes the check: the time stamp (manifest.tsr), a digest told to a notary "
        "beforehand, or the digest in the store's history decides.",
    ),
    "not_3": (
        "案件记录只列本案条目：各条内容及其在全部记录中的位置（history/places.json）可核验；其间他案条目的内容只有系统本身可核验。",
        "Only this case's entries of the history are here: each can be checked, and so can its place in the whole "
        "(history/places.json); what the entries of other cases say, only the store can tell.",
    ),
    "not_4": (
        "人工智能的识别结果是线索，不是处罚决定。",
        "What a model found is a clue, never a penalty.",
    ),
}
"""By key: Chinese, English."""

ROLE_WORDS: dict[str, tuple[str, str]] = {
    "original": ("原件", "original"),
    "redacted": ("脱敏副本", "redacted copy"),
    "clip": ("视频片段", "clip"),
    "thumbnail": ("缩略图", "thumbnail"),
    "map": ("示意图", "map"),
    "report": ("报告", "report"),
    "telemetry": ("遥测", "telemetry"),
    "model card": ("模型说明", "model card"),
    "event log": ("案件记录", "event log"),
    "verifier": ("核验程序", "verifier"),
    "guide": ("说明", "guide"),
}

README = """综合飞一次 证据包 / flyonce evidence pack

核验（离线，仅需 Python 3.9 以上的标准库） / To check it (offline, Python 3.9 or newer, standard library only):

    python3 -I verify.py PACK.zip        整包 / the zip as handed over
    python3 -I verify.py                 解压后，在本文件夹内 / unpacked, in this folder
    sha256sum -c digests.txt             只核对摘要 / the digests only

时间戳（若有 manifest.tsr） / The time stamp (if there is manifest.tsr):

    openssl ts -verify -in manifest.tsr -data manifest.json -CAfile CA.pem

请从可信来源取得 verify.py，或先核对其摘要。 / Take verify.py from somebody you trust, or compare its digest first.
报告 / the report: report.html, report.pdf
"""
