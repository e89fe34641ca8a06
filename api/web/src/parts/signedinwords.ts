import { words } from "../lib/words.svelte";

export const t = words({
  vi: {
    connect: "Kết nối ví",
    hint: "Ví sẽ hỏi bạn ký một lời đăng nhập. Không tốn phí, không có giao dịch nào.",
    signIn: "Đăng nhập bằng ví",
  },
  en: {
    connect: "Connect a wallet",
    hint: "The wallet will ask you to sign a statement. It costs nothing, and there is no transaction.",
    signIn: "Sign in with the wallet",
  },
});
