"""What the user did outside the panels: ImGui's io to Inputs.

A gesture belongs to where it began: one that began on a panel never moves the camera, and one that
began on the scene goes on over panels. Keys typed into a field are the field's.
"""

from imgui_bundle import imgui

from viewer.core.state import Inputs

BUTTONS = ("left", "right", "middle")  # in ImGui's order
FLY = "wasdqe"
_K = imgui.Key
KEYS = {
    "space": _K.space,
    "left": _K.left_arrow,
    "right": _K.right_arrow,
    "comma": _K.comma,
    "period": _K.period,
    "home": _K.home,
    "insert": _K.insert,
    "delete": _K.delete,
    "end": _K.end,
    "pageup": _K.page_up,
    "pagedown": _K.page_down,
    "leftbracket": _K.left_bracket,
    "rightbracket": _K.right_bracket,
    "slash": _K.slash,
    "tab": _K.tab,
    "escape": _K.escape,
    "keypad1": _K.keypad1,
    "keypad3": _K.keypad3,
    "keypad5": _K.keypad5,
    "keypad7": _K.keypad7,
    **{f"f{i}": getattr(_K, f"f{i}") for i in range(1, 13)},
    **{letter: getattr(_K, letter) for letter in "abcdefghijklmnopqrstuvwxyz"},
    **{digit: getattr(_K, f"_{digit}") for digit in "123456789"},
}
REPEATING = frozenset({"left", "right", "comma", "period"})


def read() -> Inputs:
    """Inputs of the frame that ImGui has just begun."""
    io = imgui.get_io()
    dense = io.display_framebuffer_scale
    size = (round(io.display_size.x * dense.x), round(io.display_size.y * dense.y))
    typing = io.want_text_input
    owned, down = io.mouse_down_owned, io.mouse_down
    buttons = frozenset(b for i, b in enumerate(BUTTONS) if down[i] and not owned[i])
    fresh = any(io.mouse_clicked[i] for i in range(len(BUTTONS)))
    moved = buttons and not fresh and imgui.is_mouse_pos_valid()
    on_scene = not io.want_capture_mouse and imgui.is_mouse_pos_valid()
    return Inputs(
        size=(max(1, size[0]), max(1, size[1])),
        pointer=(io.mouse_pos.x * dense.x, io.mouse_pos.y * dense.y),
        drag=(io.mouse_delta.x * dense.x, io.mouse_delta.y * dense.y) if moved else (0.0, 0.0),
        wheel=io.mouse_wheel if on_scene else 0.0,
        buttons=buttons,
        held=frozenset() if typing else frozenset(k for k in FLY if imgui.is_key_down(KEYS[k])),
        pressed=() if typing else _pressed(),
        modifiers=frozenset(
            name
            for name, is_down in (
                ("shift", io.key_shift), ("ctrl", io.key_ctrl), ("alt", io.key_alt),
            )
            if is_down
        ),
        double_click=on_scene and io.mouse_double_clicked[0],
    )  # fmt: skip


def _pressed() -> tuple[str, ...]:
    return tuple(
        name
        for name, key in KEYS.items()
        if imgui.is_key_pressed(key, name in REPEATING or name in FLY)
    )
