import { words } from "../lib/words.svelte";

export const t = words({
  vi: {
    account: "Tài khoản",
    register: "Đăng ký khóa của trình duyệt này",
    registerWhy: "Khóa giải mã sẽ được niêm phong cho riêng trình duyệt này. Nửa bí mật không rời khỏi máy.",
    suite: "Loại khóa",
    why: "Để làm gì",
  },
  en: {
    account: "Account",
    register: "Register this browser's key",
    registerWhy: "Data keys will be sealed to this browser alone. The secret half never leaves the machine.",
    suite: "Kind of key",
    why: "What for",
  },
});
