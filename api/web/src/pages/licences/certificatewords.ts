import { words } from "../../lib/words.svelte";

export const t = words({
  vi: {
    challenge: "Mã thử thách của bên kiểm chứng (0x…)",
    code: "Quét mã để mở trang kiểm chứng với chứng nhận này.",
    codeAlt: "Mã QR của {address}",
    file: "Tải tệp chứng nhận",
    get: "Lập chứng nhận",
    lead: "Chứng nhận cho người khác thấy ai giữ giấy phép này, theo điều khoản nào, mà không cần tin sàn và không cần mạng.",
    newer: "Lấy bản mới hơn",
    paper: "Tải bản in (PDF)",
    present: "Trình diện với bên kiểm chứng",
    presentHow:
      "Ai cũng có thể chép một chứng nhận. Khi bên kiểm chứng đưa bạn tên và mã thử thách của họ, hãy ký để cho thấy chính bạn giữ giấy phép.",
    presented: "Đã ký. Tệp trình diện chỉ dùng được với {verifier}, một lần.",
    sign: "Ký và tải tệp trình diện",
    signed: "Ví sẽ được yêu cầu ký đúng nội dung này",
    sound: "Chứng nhận đã được kiểm tra trong trình duyệt này: đúng tại khối {number}, {time}.",
    title: "Chứng nhận",
    until: "Có giá trị đến {time}.",
    verifier: "Tên bên kiểm chứng",
  },
  en: {
    challenge: "The verifier's challenge (0x…)",
    code: "Scan to open the verification page with this certificate.",
    codeAlt: "QR code of {address}",
    file: "Download the certificate",
    get: "Get the certificate",
    lead: "A certificate shows others who holds this licence, and on which terms, without trusting the exchange and without a network.",
    newer: "Get a newer one",
    paper: "Download it on paper (PDF)",
    present: "Present it to a verifier",
    presentHow:
      "Anybody can copy a certificate. When a verifier gives you their name and their challenge, sign to show that it is you who holds the licence.",
    presented: "Signed. The presentation is for {verifier} alone, once.",
    sign: "Sign and download the presentation",
    signed: "This is exactly what the wallet will be asked to sign",
    sound: "The certificate was verified in this browser: true as of block {number}, {time}.",
    title: "Certificate",
    until: "Good until {time}.",
    verifier: "The verifier's name",
  },
});
