import { words } from "./lib/words.svelte";

export const t = words({
  vi: {
    catalogue: "Danh mục",
    footer: "Mọi giao dịch được ghi trên sổ cái phân tán. Quy tắc là sản phẩm kỹ thuật, không phải tư vấn pháp lý.",
    licences: "Giấy phép của tôi",
    loading: "Đang tải…",
    missing: "Không có trang này",
    pages: "Các trang",
    sales: "Bán dữ liệu",
    skip: "Tới nội dung chính",
    "theme.dark": "Giao diện: tối",
    "theme.light": "Giao diện: sáng",
    "theme.system": "Giao diện: theo máy",
    verify: "Kiểm chứng",
    unloadable: "Không tải được phần này của trang. Hãy kiểm tra kết nối rồi tải lại.",
  },
  en: {
    catalogue: "Catalogue",
    footer: "Every transaction is recorded on the ledger. Rules are engineering artefacts, not legal advice.",
    licences: "My licences",
    loading: "Loading…",
    missing: "There is no such page",
    pages: "Pages",
    sales: "Sell data",
    skip: "Skip to the content",
    "theme.dark": "Theme: dark",
    "theme.light": "Theme: light",
    "theme.system": "Theme: as the system",
    verify: "Verify",
    unloadable: "This part of the page could not be loaded. Check the connection and reload.",
  },
});
